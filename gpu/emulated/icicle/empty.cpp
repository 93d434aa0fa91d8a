// A library that does nothing: that it is loaded is what counts.
extern "C" __attribute__((visibility("default"))) int sworn_empty() { return 0; }
