//! Tells the crate which Python it is built for (`Py_3_12`, `Py_GIL_DISABLED`), and whether the platform ends
//! threads by unwinding them.

fn main() {
    #[cfg(feature = "python")]
    {
        pyo3_build_config::use_pyo3_cfgs();
        // glibc's pthread_exit does. On 32-bit ARM the routine below has other arguments.
        let target = |what| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
        if target("OS") == "linux" && target("ENV") == "gnu" && target("ARCH") != "arm" {
            println!("cargo:rustc-cfg=ends_by_unwinding");
            // Of the library only: src/py/interpreter/finalization.rs stands before Rust's own routine.
            println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap=rust_eh_personality");
        }
    }
}
