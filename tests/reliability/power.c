/* A disk whose end can be chosen: preloaded, it sees every call that changes files in a folder.
 *
 * Python, Arrow and DuckDB (C++) and Delta Lake (Rust, in threads of its own) all change files by
 * libc; here each such call below `root` is counted, one after another, and written to a log that
 * tests/reliability/disk.py plays. After `power_arm`, at the given call
 *
 *   KILL  the process is killed (SIGKILL) before the call; of a write some bytes are written first
 *   FULL  this call and all after it that need room fail with ENOSPC, below `root` and `other`; a
 *         write writes some bytes first
 *
 * What reaches the real disk is of no interest, so fsync is logged and not performed. What is left
 * to libc alone (memory maps, fopen) is not seen: the test compares the played log with the folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, KILL, FULL };
enum { NONE, SOME, BYTES }; /* the room that a call needs */
enum { CREATE = 'c', SIZE = 's', WRITE = 'w', RENAME = 'r', LINK = 'l', UNLINK = 'u', MKDIR = 'm',
       RMDIR = 'd', FSYNC = 'f', SYNC = 'a' };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], other[PATH_MAX];
static int log_fd = -1, how;
static long calls, end_at;
static double share; /* of the last write, that is written */

void power_arm(const char *folder, const char *temporary, const char *log, int what, long at,
               double part)
{
    strcpy(root, folder);
    strcpy(other, temporary);
    log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    how = what, end_at = at, share = part, calls = 0;
}

#define REAL(name) static typeof(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

static int below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

/* Whether a call that concerns a path is one of ours. */
static int seen(const char *path) { return below(path, root) || below(path, other); }

static const char *path_of(int fd, char *into)
{
    char link[64];
    sprintf(link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, into, PATH_MAX - 1);
    into[length < 0 ? 0 : length] = 0;
    return into;
}

static const char *absolute(int folder, const char *path, char *into)
{
    if (path[0] == '/')
        snprintf(into, PATH_MAX, "%s", path);
    else {
        if (folder == AT_FDCWD) { if (!getcwd(into, PATH_MAX)) into[0] = 0; }
        else path_of(folder, into);
        size_t length = strlen(into);
        snprintf(into + length, PATH_MAX - length, "/%s", path);
    }
    return into;
}

static int is_there(const char *path) { struct stat s; return !lstat(path, &s); }

static uint64_t inode(const char *path) { struct stat s; return lstat(path, &s) ? 0 : s.st_ino; }

static void logged(char what, uint64_t number, uint64_t at, const void *a, size_t a_size,
                   const void *b, size_t b_size)
{
    struct { uint64_t what, number, at, a_size, b_size; } head = {what, number, at, a_size, b_size};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)a, a_size}, {(void *)b, b_size}};
    syscall(SYS_writev, log_fd, parts, 3);
}

static void killed(void)
{
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts a call; whether it fails for want of room. A write is killed by its caller. */
static int full(const char *path, int room)
{
    if (below(path, root)) {
        calls++;
        if (how == KILL && calls == end_at && room != BYTES) killed();
    }
    if (how != FULL || calls < end_at || !room) return 0;
    errno = ENOSPC;
    return 1;
}

#define BEGIN pthread_mutex_lock(&one_at_a_time)
#define END do { int error = errno; pthread_mutex_unlock(&one_at_a_time); errno = error; } while (0)

/* open */

static int opened(int folder, const char *path, int flags, mode_t mode)
{
    REAL(openat);
    char name[PATH_MAX];
    if (log_fd < 0 || !(flags & (O_CREAT | O_TRUNC)) || !seen(absolute(folder, path, name)))
        return real(folder, path, flags, mode);
    BEGIN;
    struct stat s;
    int fd = -1, there = !stat(name, &s), makes = !there && (flags & O_CREAT);
    int cuts = there && (flags & O_TRUNC) && s.st_size && !(flags & O_EXCL);
    if (!((makes || cuts) && full(name, makes))) {
        fd = real(folder, path, flags, mode);
        if (fd >= 0 && below(name, root)) {
            if (makes) logged(CREATE, inode(name), 0, name, strlen(name), "", 0);
            if (cuts) logged(SIZE, s.st_ino, 0, "", 0, "", 0);
        }
    }
    END;
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE return opened(folder, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* bytes; `at` is -1 for a write where the file stands */

static ssize_t put(int fd, const void *bytes, size_t size, off_t at)
{
    if (at < 0) { REAL(write); return real(fd, bytes, size); }
    REAL(pwrite); return real(fd, bytes, size, at);
}

static ssize_t written(int fd, const void *bytes, size_t size, off_t at)
{
    struct stat s;
    char name[PATH_MAX];
    if (log_fd < 0 || !size || fstat(fd, &s) || !S_ISREG(s.st_mode) || !seen(path_of(fd, name)))
        return put(fd, bytes, size, at);
    BEGIN;
    int none = full(name, BYTES), first = calls == end_at && below(name, root);
    int dies = how == KILL && first;
    size_t some = dies || (none && first) ? (size_t)(size * share) : none ? 0 : size;
    ssize_t count = -1;
    if (some || !none) {
        count = put(fd, bytes, some, at);
        if (count > 0 && below(name, root)) {
            off_t where = at < 0 ? lseek(fd, 0, SEEK_CUR) - count : at;
            logged(WRITE, s.st_ino, where, bytes, count, "", 0);
        }
    }
    if (dies) killed();
    END;
    return count;
}

ssize_t write(int fd, const void *bytes, size_t size) { return written(fd, bytes, size, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return written(fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) { return written(fd, bytes, size, at); }

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    char name[PATH_MAX];
    if (log_fd < 0 || !seen(path_of(fd, name))) return real(fd, parts, count);
    ssize_t all = 0; /* one write for each part: as allowed as a short one */
    for (int i = 0; i < count; i++) {
        ssize_t some = written(fd, parts[i].iov_base, parts[i].iov_len, -1);
        if (some < 0) return all ? all : some;
        all += some;
        if ((size_t)some < parts[i].iov_len) break;
    }
    return all;
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    struct stat s;
    char name[PATH_MAX];
    if (log_fd < 0 || fstat(fd, &s) || s.st_size == size || !seen(path_of(fd, name)))
        return real(fd, size);
    BEGIN;
    int done = full(name, size > s.st_size) ? -1 : real(fd, size);
    if (!done && below(name, root)) logged(SIZE, s.st_ino, size, "", 0, "", 0);
    END;
    return done;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

/* Callers of these write by themselves where the kernel cannot copy. */
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t size, unsigned flags)
{
    REAL(copy_file_range);
    char name[PATH_MAX];
    if (log_fd >= 0 && seen(path_of(to, name))) { errno = ENOSYS; return -1; }
    return real(from, a, to, b, size, flags);
}
ssize_t sendfile(int to, int from, off_t *at, size_t size);
ssize_t sendfile(int to, int from, off_t *at, size_t size)
{
    REAL(sendfile);
    char name[PATH_MAX];
    if (log_fd >= 0 && seen(path_of(to, name))) { errno = EINVAL; return -1; }
    return real(to, from, at, size);
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { return sendfile(to, from, at, size); }

/* names */

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    REAL(renameat2);
    char old[PATH_MAX], new[PATH_MAX];
    if (log_fd < 0 || !seen(absolute(b, to, new))) return real(a, from, b, to, flags);
    absolute(a, from, old);
    BEGIN;
    int done = is_there(old) && full(new, !is_there(new)) ? -1 : real(a, from, b, to, flags);
    if (!done && below(new, root)) logged(RENAME, 0, 0, old, strlen(old), new, strlen(new));
    END;
    return done;
}
int renameat(int a, const char *from, int b, const char *to) { return renameat2(a, from, b, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int a, const char *from, int b, const char *to, int flags)
{
    REAL(linkat);
    char old[PATH_MAX], new[PATH_MAX];
    if (log_fd < 0 || !seen(absolute(b, to, new))) return real(a, from, b, to, flags);
    absolute(a, from, old);
    BEGIN;
    int done = !is_there(new) && full(new, SOME) ? -1 : real(a, from, b, to, flags);
    if (!done && below(new, root)) logged(LINK, 0, 0, old, strlen(old), new, strlen(new));
    END;
    return done;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *path, int flags)
{
    REAL(unlinkat);
    char name[PATH_MAX];
    if (log_fd < 0 || !seen(absolute(folder, path, name))) return real(folder, path, flags);
    BEGIN;
    if (is_there(name)) full(name, NONE);
    int done = real(folder, path, flags);
    char what = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
    if (!done && below(name, root)) logged(what, 0, 0, name, strlen(name), "", 0);
    END;
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode)
{
    REAL(mkdirat);
    char name[PATH_MAX];
    if (log_fd < 0 || !seen(absolute(folder, path, name))) return real(folder, path, mode);
    BEGIN;
    int done = !is_there(name) && full(name, SOME) ? -1 : real(folder, path, mode);
    if (!done && below(name, root)) logged(MKDIR, 0, 0, name, strlen(name), "", 0);
    END;
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* what is on the disk */

int fsync(int fd)
{
    REAL(fsync);
    struct stat s;
    char name[PATH_MAX];
    if (log_fd < 0 || fstat(fd, &s) || !seen(path_of(fd, name))) return real(fd);
    BEGIN;
    full(name, NONE);
    if (below(name, root)) {
        if (S_ISDIR(s.st_mode)) logged(FSYNC, 0, 0, name, strlen(name), "", 0);
        else logged(FSYNC, s.st_ino, 0, "", 0, "", 0);
    }
    END;
    return 0;
}
int fdatasync(int fd) { return fsync(fd); }

void sync(void)
{
    REAL(sync);
    if (log_fd < 0) { real(); return; }
    BEGIN;
    full(root, NONE);
    logged(SYNC, 0, 0, "", 0, "", 0);
    END;
}
