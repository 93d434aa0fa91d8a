// Why a call failed. Failures are thrown inside the plugin and become statuses at its interface.
#pragma once

#include <cstdarg>
#include <cstdio>

#include "qualifiers.cuh"
#include "sworn_cuda.h"

namespace sworn {

struct Failure {
    sworn_status status;
    char text[sizeof(sworn_error::text)];

    __attribute__((format(printf, 3, 4))) Failure(sworn_status status, const char* format, ...) : status(status) {
        va_list arguments;
        va_start(arguments, format);
        std::vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
    }
};

// Refuses arguments that no right caller passes.
inline void require(bool condition, const char* what) {
    if (!condition) throw Failure(SWORN_INVALID, "%s", what);
}

}  // namespace sworn
