// How numbers are written. English, whatever the browser speaks, as the rest of the page is.

const whole = new Intl.NumberFormat("en");
const exact = new Intl.NumberFormat("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 });

export const count = (number) => whole.format(number);
export const milliseconds = (number) => exact.format(number);
export const times = (number) => (number === 0 ? "not at all" : number === 1 ? "once" : `${count(number)} times`);
