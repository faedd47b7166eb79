// What mtdb.h needs of C's own headers, for bindgen: no target's sysroot has to be there.
#define bool _Bool
