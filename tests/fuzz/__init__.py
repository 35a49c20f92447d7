"""Input made to do harm: images for the decoders, and random calls for the C++ core."""
