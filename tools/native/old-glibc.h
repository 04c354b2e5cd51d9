/*
 * Put in front of every C file when prebuilding for glibc (gcc -include): binds functions that glibc 2.29 to 2.34 moved from
 * libpthread, libdl and librt into libc to the version that they have had since the first glibc of the architecture, and which
 * every later one still has. Without it a build on a new distribution does not load on an older one. A function that is missing
 * here is found by check-prebuild.mjs. Nothing is included and nothing declared, so that the file's own feature macros work.
 */
#ifndef __ASSEMBLER__
#if defined(__x86_64__)
#define SBX_FIRST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define SBX_FIRST_GLIBC "GLIBC_2.17"
#endif
#define SBX_OLD(function) __asm__(".symver " #function "," #function "@" SBX_FIRST_GLIBC);
SBX_OLD(pthread_create)
SBX_OLD(pthread_join)
SBX_OLD(pthread_detach)
SBX_OLD(pthread_once)
SBX_OLD(pthread_key_create)
SBX_OLD(pthread_key_delete)
SBX_OLD(pthread_getspecific)
SBX_OLD(pthread_setspecific)
SBX_OLD(pthread_sigmask)
SBX_OLD(pthread_kill)
SBX_OLD(pthread_mutex_trylock)
SBX_OLD(pthread_rwlock_init)
SBX_OLD(pthread_rwlock_destroy)
SBX_OLD(pthread_rwlock_rdlock)
SBX_OLD(pthread_rwlock_wrlock)
SBX_OLD(pthread_rwlock_unlock)
SBX_OLD(pthread_attr_setstack)
SBX_OLD(pthread_attr_setstacksize)
SBX_OLD(pthread_attr_getstack)
SBX_OLD(pthread_attr_getstacksize)
SBX_OLD(pthread_attr_setguardsize)
SBX_OLD(sem_init)
SBX_OLD(sem_destroy)
SBX_OLD(sem_wait)
SBX_OLD(sem_trywait)
SBX_OLD(sem_post)
SBX_OLD(dlopen)
SBX_OLD(dlclose)
SBX_OLD(dlsym)
SBX_OLD(dlerror)
SBX_OLD(dladdr)
SBX_OLD(shm_open)
SBX_OLD(shm_unlink)
#undef SBX_OLD
#undef SBX_FIRST_GLIBC
#endif
