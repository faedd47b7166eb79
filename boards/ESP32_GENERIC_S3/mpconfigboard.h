// The stock board as it is.
#include "boards/ESP32_GENERIC_S3/mpconfigboard.h"
