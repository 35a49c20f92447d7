"""Every operation of the core, written down in the most obvious way in float64 numpy."""
