// A CUDA driver with one device, as far as it is asked for its version and number of devices.
#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int cuDriverGetVersion(int* version) {
    *version = 13000;
    return 0;
}

EXPORT int cuInit(unsigned) { return 0; }

EXPORT int cuDeviceGetCount(int* count) {
    *count = 1;
    return 0;
}
