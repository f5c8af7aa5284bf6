"""What this library raises itself."""


class NotStored(LookupError):
    """An offline session called for a result that is not stored."""
