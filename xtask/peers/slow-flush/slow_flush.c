/* A disk that takes 2 ms longer to keep something, for one process and its children: loaded before
 * the C library (LD_PRELOAD), it delays every flush of a file. On disks with a cache that survives
 * a power cut a flush takes a twentieth of that; on others it does not, and what group commit is
 * worth depends on it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

static int delayed(const char *name, int file)
{
    int (*flush)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct timespec left = {.tv_sec = 0, .tv_nsec = 2000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    return flush(file);
}

int fdatasync(int file) { return delayed("fdatasync", file); }

int fsync(int file) { return delayed("fsync", file); }
