/* Stands before libc's calls that write below one folder: counts them, and at one of them ends the
   process, or lets the call fail, fall short, or be done and called a failure. Preloaded; armed
   through `calls_arm`. Linux. Paths must be absolute. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the order of KINDS and ACTS in calls.py. */
enum { CREATE, WRITE, FSYNC, FDATASYNC, RENAME, LINK, UNLINK, MKDIR, TRUNCATE };
enum { COUNT, KILL_BEFORE, KILL_AFTER, FAIL, SHORT, LIE };
enum { REMEMBERED = 4096 };

static char folder[4096];
static size_t folder_length;
static unsigned counted;
static int act, error, onward;
static long at, count;
static char kinds[REMEMBERED];

/* Count the calls of some kinds below a folder from now on; at number `number` (from 1), and at
   all later ones if `always`, do `what`. */
void calls_arm(const char *path, unsigned mask, long number, int what, int code, int always)
{
    folder_length = 0; /* nothing is ours while this changes */
    snprintf(folder, sizeof folder, "%s", path);
    counted = mask, at = number, act = what, error = code, onward = always, count = 0;
    folder_length = strlen(folder);
}

void calls_disarm(void) { folder_length = 0; }

long calls_count(void) { return count; }

int calls_kind(long number) { return number <= REMEMBERED ? kinds[number - 1] : -1; }

static int ours(const char *path)
{
    return folder_length && !strncmp(path, folder, folder_length)
        && (path[folder_length] == '/' || !path[folder_length]);
}

static int ours_fd(int fd)
{
    char link[64], path[4096];
    if (!folder_length)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return ours(path);
}

/* What is to happen at this call. */
static int due(int kind)
{
    if (!(counted >> kind & 1))
        return COUNT;
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (number <= REMEMBERED)
        kinds[number - 1] = kind;
    if (number < at || (number > at && !onward))
        return COUNT;
    /* Callers repeat these until they are not interrupted: for ever would be no disk at all. */
    int repeated = kind != RENAME && kind != LINK && kind != UNLINK && kind != MKDIR;
    if (error == EINTR && repeated && (number - at) % 2)
        return COUNT;
    return act;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define DO(kind, type, call) \
    do { \
        int now = due(kind); \
        if (now == KILL_BEFORE) \
            die(); \
        if (now == FAIL) \
            return errno = error, -1; \
        int shortened = now == SHORT; \
        (void)shortened; \
        type result = (call); \
        if (now == KILL_AFTER) \
            die(); \
        if (now == LIE) \
            return errno = error, -1; \
        return result; \
    } while (0)

#define SOME(size) (shortened && (size) > 1 ? (size) / 2 : (size))

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & O_CREAT) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...)
{
    REAL(open);
    MODE(flags)
    if (!(flags & O_CREAT) || !ours(path))
        return real(path, flags, mode);
    DO(CREATE, int, real(path, flags, mode));
}

int open64(const char *path, int flags, ...)
{
    REAL(open64);
    MODE(flags)
    if (!(flags & O_CREAT) || !ours(path))
        return real(path, flags, mode);
    DO(CREATE, int, real(path, flags, mode));
}

int openat(int at_fd, const char *path, int flags, ...)
{
    REAL(openat);
    MODE(flags)
    if (!(flags & O_CREAT) || !ours(path))
        return real(at_fd, path, flags, mode);
    DO(CREATE, int, real(at_fd, path, flags, mode));
}

int openat64(int at_fd, const char *path, int flags, ...)
{
    REAL(openat64);
    MODE(flags)
    if (!(flags & O_CREAT) || !ours(path))
        return real(at_fd, path, flags, mode);
    DO(CREATE, int, real(at_fd, path, flags, mode));
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    if (!ours_fd(fd))
        return real(fd, data, size);
    DO(WRITE, ssize_t, real(fd, data, SOME(size)));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    REAL(pwrite);
    if (!ours_fd(fd))
        return real(fd, data, size, offset);
    DO(WRITE, ssize_t, real(fd, data, SOME(size), offset));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    REAL(pwrite64);
    if (!ours_fd(fd))
        return real(fd, data, size, offset);
    DO(WRITE, ssize_t, real(fd, data, SOME(size), offset));
}

ssize_t writev(int fd, const struct iovec *parts, int number)
{
    REAL(writev);
    if (!ours_fd(fd))
        return real(fd, parts, number);
    DO(WRITE, ssize_t, real(fd, parts, SOME(number)));
}

int fsync(int fd)
{
    REAL(fsync);
    if (!ours_fd(fd))
        return real(fd);
    DO(FSYNC, int, real(fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    if (!ours_fd(fd))
        return real(fd);
    DO(FDATASYNC, int, real(fd));
}

int ftruncate(int fd, off_t length)
{
    REAL(ftruncate);
    if (!ours_fd(fd))
        return real(fd, length);
    DO(TRUNCATE, int, real(fd, length));
}

int ftruncate64(int fd, off64_t length)
{
    REAL(ftruncate64);
    if (!ours_fd(fd))
        return real(fd, length);
    DO(TRUNCATE, int, real(fd, length));
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    if (!ours(to))
        return real(from, to);
    DO(RENAME, int, real(from, to));
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    REAL(renameat);
    if (!ours(to))
        return real(from_fd, from, to_fd, to);
    DO(RENAME, int, real(from_fd, from, to_fd, to));
}

int link(const char *from, const char *to)
{
    REAL(link);
    if (!ours(to))
        return real(from, to);
    DO(LINK, int, real(from, to));
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    REAL(linkat);
    if (!ours(to))
        return real(from_fd, from, to_fd, to, flags);
    DO(LINK, int, real(from_fd, from, to_fd, to, flags));
}

int unlink(const char *path)
{
    REAL(unlink);
    if (!ours(path))
        return real(path);
    DO(UNLINK, int, real(path));
}

int unlinkat(int at_fd, const char *path, int flags)
{
    REAL(unlinkat);
    if (!ours(path))
        return real(at_fd, path, flags);
    DO(UNLINK, int, real(at_fd, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    if (!ours(path))
        return real(path, mode);
    DO(MKDIR, int, real(path, mode));
}

int mkdirat(int at_fd, const char *path, mode_t mode)
{
    REAL(mkdirat);
    if (!ours(path))
        return real(at_fd, path, mode);
    DO(MKDIR, int, real(at_fd, path, mode));
}
