// The stock board as it is.
#include "boards/ESP32_GENERIC_C3/mpconfigboard.h"
