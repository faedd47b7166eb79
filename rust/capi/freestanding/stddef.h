// See stdbool.h.
typedef __SIZE_TYPE__ size_t;
