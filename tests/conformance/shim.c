/* A library put before libc (LD_PRELOAD) that sees every file-system call below one folder.
 *
 * What lives here: passing a call on, writing it down (shim_record), letting one or more of them fail (shim_arm), and
 * a clock that is wrong (shim_clock). What does not: which calls to let fail (faults.py), what a record means for a
 * disk that lost its power (power.py). Linux and glibc only.
 *
 * One lock is held around a call and its record, so that the record's order is the order of the calls. A fork takes
 * the state along. Only what our program, SQLite and pyarrow call is modelled; a call that would change a file past
 * the record (a shared mapping, sendfile, ...) is written down as '?', which the reader of the record refuses.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What a call is, for shim_arm; shim.py has the same names. */
enum { OPEN = 1, OPEN_TO_WRITE = 2, CREATE = 4, READ = 8, WRITE = 16, RESIZE = 32, SYNC = 64, RENAME = 128,
       REMOVE = 256, MKDIR = 512, CLOSE = 1024, STAT = 2048, MAP = 4096, LOCK = 8192 };
enum { ONCE, FROM_THEN_ON, SHORT };

#define FDS 4096
#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char folder[PATH_MAX], struck_at[PATH_MAX + 32];
static char *paths[FDS];
static int record_fd = -1;
static unsigned armed;
static long nth, seen, struck;
static int failure, mode;
static long long clock_shift;

/* ---- control, called through ctypes */

void shim_watch(const char *path) { snprintf(folder, sizeof folder, "%s", path); }
void shim_clock(long long shift_ns) { clock_shift = shift_ns; }
long shim_seen(void) { return seen; }
long shim_struck(void) { return struck; }
const char *shim_struck_at(void) { return struck_at; }

void shim_arm(unsigned kinds, long which, int error, int how) {
    nth = which, failure = error, mode = how, seen = struck = 0, struck_at[0] = 0;
    armed = kinds;
}

struct entry { char kind, pad[3]; int32_t fd; int64_t at, result; uint32_t path, other, data; };

static void note(char kind, int fd, int64_t at, int64_t result, const char *path, const char *other, const void *data, size_t size) {
    if (record_fd < 0) return;
    struct entry entry = { kind, {0}, fd, at, result, path ? strlen(path) : 0, other ? strlen(other) : 0, size };
    struct iovec parts[] = { { &entry, sizeof entry }, { (void *)path, entry.path }, { (void *)other, entry.other }, { (void *)data, size } };
    if (REAL(writev)(record_fd, parts, 4) < 0) abort();
}

int shim_record(const char *file) {
    if (record_fd >= 0) REAL(close)(record_fd);
    record_fd = file ? REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    return file && record_fd < 0;
}

void shim_mark(const char *text) {
    pthread_mutex_lock(&lock);
    note('!', -1, 0, 0, text, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void in_child(void) { lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; } /* its holder is another thread */
__attribute__((constructor)) static void start(void) { pthread_atfork(before_fork, after_fork, in_child); }

/* ---- which path is meant, and is it ours */

static int ours(const char *path) {
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static const char *resolved(int at, const char *path, char *out) {
    char start[PATH_MAX];
    if (path[0] == '/') return path;
    if (at == AT_FDCWD) { if (!getcwd(start, sizeof start)) return path; }
    else if (at >= 0 && at < FDS && paths[at]) snprintf(start, sizeof start, "%s", paths[at]);
    else return path; /* relative to a folder that is not ours */
    snprintf(out, 2 * PATH_MAX, "%s/%s", start, path);
    return out;
}
/* A call that turns out not to be ours is passed on with the path it came with. */
#define RESOLVE(at, path) char _##path[2 * PATH_MAX]; const char *given_##path = path; path = resolved(at, path, _##path)

static const char *of(int fd) { return fd >= 0 && fd < FDS ? paths[fd] : NULL; }
static void keep(int fd, const char *path) {
    if (fd < 0 || fd >= FDS) return;
    free(paths[fd]);
    paths[fd] = path ? strdup(path) : NULL;
}

/* ---- failing */

static int strikes(unsigned kind, const char *path, const char *call) {
    if (!(armed & kind)) return 0;
    long now = seen++;
    if (now < nth || (mode == ONCE && now > nth)) return 0;
    if (!struck++) snprintf(struck_at, sizeof struck_at, "%s %s", call, path);
    errno = failure;
    return 1;
}

#define BEGIN pthread_mutex_lock(&lock)
#define END(value) do { int _e = errno; pthread_mutex_unlock(&lock); errno = _e; return value; } while (0)

/* ---- opening and closing */

static int opened(int at, const char *path, int flags, mode_t bits, int (*call)(int, const char *, int, mode_t)) {
    RESOLVE(at, path);
    if (!ours(path)) return call(at, given_path, flags, bits);
    BEGIN;
    struct stat64 found;
    int is_new = (flags & O_CREAT) && syscall(SYS_newfstatat, AT_FDCWD, path, &found, AT_SYMLINK_NOFOLLOW);
    unsigned kind = OPEN | (is_new ? CREATE : 0) | ((flags & O_ACCMODE) != O_RDONLY ? OPEN_TO_WRITE : 0);
    if (strikes(kind, path, "open")) END(-1);
    int fd = call(at, path, flags, bits);
    if (fd >= 0) {
        keep(fd, path);
        note(is_new ? 'C' : 'O', fd, !!(flags & O_TRUNC), 0, path, NULL, NULL, 0);
    }
    END(fd);
}

static int by_openat(int at, const char *path, int flags, mode_t bits) { return REAL(openat64)(at, path, flags, bits); }

#define MODE(flags) mode_t bits = 0; if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); bits = va_arg(rest, mode_t); va_end(rest); }
int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, bits, by_openat); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, bits, by_openat); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return opened(at, path, flags, bits, by_openat); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return opened(at, path, flags, bits, by_openat); }
int creat(const char *path, mode_t bits) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, bits, by_openat); }
int creat64(const char *path, mode_t bits) { return creat(path, bits); }

/* What the same calls become in programs built with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0, by_openat); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0, by_openat); }
int __openat_2(int at, const char *path, int flags) { return opened(at, path, flags, 0, by_openat); }
int __openat64_2(int at, const char *path, int flags) { return opened(at, path, flags, 0, by_openat); }

DIR *opendir(const char *path) {
    RESOLVE(AT_FDCWD, path);
    if (ours(path)) {
        BEGIN;
        int fails = strikes(OPEN, path, "opendir");
        pthread_mutex_unlock(&lock);
        if (fails) { errno = failure; return NULL; }
    }
    return REAL(opendir)(given_path);
}

int close(int fd) {
    if (!of(fd)) return REAL(close)(fd);
    BEGIN;
    int fails = strikes(CLOSE, of(fd), "close"), done = REAL(close)(fd);
    note('X', fd, 0, done, NULL, NULL, NULL, 0);
    keep(fd, NULL);
    if (fails) { errno = failure; done = -1; }
    END(done);
}

/* ---- reading and writing */

#define READS(name, type, call, ...) type name(__VA_ARGS__) { \
    if (!of(fd)) return call; \
    BEGIN; int fails = strikes(READ, of(fd), #name); pthread_mutex_unlock(&lock); \
    if (fails) { errno = failure; return -1; } \
    return call; }
READS(read, ssize_t, REAL(read)(fd, data, size), int fd, void *data, size_t size)
READS(pread, ssize_t, REAL(pread)(fd, data, size, at), int fd, void *data, size_t size, off_t at)
READS(pread64, ssize_t, REAL(pread64)(fd, data, size, at), int fd, void *data, size_t size, off64_t at)
READS(readv, ssize_t, REAL(readv)(fd, parts, count), int fd, const struct iovec *parts, int count)

ssize_t __read_chk(int fd, void *data, size_t size, size_t room) { return size > room ? abort(), -1 : read(fd, data, size); }
ssize_t __pread_chk(int fd, void *data, size_t size, off_t at, size_t room) { return size > room ? abort(), -1 : pread(fd, data, size, at); }
ssize_t __pread64_chk(int fd, void *data, size_t size, off64_t at, size_t room) { return size > room ? abort(), -1 : pread64(fd, data, size, at); }

/* at < 0: at the file's own position. */
static ssize_t written(int fd, const void *data, size_t size, off64_t at) {
    BEGIN;
    long strikes_before = struck;
    if (strikes(WRITE, of(fd), "write")) {
        if (mode != SHORT || strikes_before || size < 2) END(-1);
        size /= 2;
    }
    off64_t place = at;
    if (at < 0) {
        struct stat64 found;
        int append = REAL(fcntl64)(fd, F_GETFL) & O_APPEND;
        place = append && !REAL(fstat64)(fd, &found) ? found.st_size : lseek64(fd, 0, SEEK_CUR);
    }
    ssize_t done = at < 0 ? REAL(write)(fd, data, size) : REAL(pwrite64)(fd, data, size, at);
    note('W', fd, place, done, NULL, NULL, data, done > 0 ? done : 0);
    END(done);
}
ssize_t write(int fd, const void *data, size_t size) { return of(fd) ? written(fd, data, size, -1) : REAL(write)(fd, data, size); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return of(fd) ? written(fd, data, size, at) : REAL(pwrite)(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return of(fd) ? written(fd, data, size, at) : REAL(pwrite64)(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!of(fd)) return REAL(writev)(fd, parts, count);
    ssize_t total = 0;
    for (int part = 0; part < count; part++) {
        ssize_t done = parts[part].iov_len ? written(fd, parts[part].iov_base, parts[part].iov_len, -1) : 0;
        if (done < 0) return total ? total : -1;
        total += done;
        if ((size_t)done < parts[part].iov_len) break;
    }
    return total;
}

#define ON_FD(name, bit, letter, at, ...) int name(__VA_ARGS__) { \
    if (!of(fd)) return REAL(name)(ARGS); \
    BEGIN; \
    if (strikes(bit, of(fd), #name)) END(-1); \
    int done = REAL(name)(ARGS); \
    note(letter, fd, at, done, NULL, NULL, NULL, 0); \
    END(done); }
#define ARGS fd, size
ON_FD(ftruncate, RESIZE, 'T', size, int fd, off_t size)
ON_FD(ftruncate64, RESIZE, 'T', size, int fd, off64_t size)
#undef ARGS
#define ARGS fd
ON_FD(fsync, SYNC, 'S', 0, int fd)
ON_FD(fdatasync, SYNC, 'S', 0, int fd)
ON_FD(dup, OPEN, '?', 0, int fd)
#undef ARGS
#define ARGS fd, mode_, start_, size
ON_FD(fallocate, RESIZE, '?', 0, int fd, int mode_, off_t start_, off_t size)
ON_FD(fallocate64, RESIZE, '?', 0, int fd, int mode_, off64_t start_, off64_t size)
#undef ARGS
/* These return the error instead of setting it; none of our programs calls them, and the record would say so. */
#define ARGS fd, start_, size
ON_FD(posix_fallocate, 0, '?', 0, int fd, off_t start_, off_t size)
ON_FD(posix_fallocate64, 0, '?', 0, int fd, off64_t start_, off64_t size)
#undef ARGS

ssize_t sendfile64(int fd, int from, off64_t *at, size_t size) {
    BEGIN;
    if (of(from) && strikes(READ, of(from), "sendfile")) END(-1);
    if (of(fd) && strikes(WRITE, of(fd), "sendfile")) END(-1);
    ssize_t done = REAL(sendfile64)(fd, from, at, size);
    if (of(fd)) note('?', fd, 0, done, "sendfile", NULL, NULL, 0);
    END(done);
}
ssize_t copy_file_range(int from, off64_t *in, int fd, off64_t *out, size_t size, unsigned flags) {
    BEGIN;
    if (of(from) && strikes(READ, of(from), "copy_file_range")) END(-1);
    if (of(fd) && strikes(WRITE, of(fd), "copy_file_range")) END(-1);
    ssize_t done = REAL(copy_file_range)(from, in, fd, out, size, flags);
    if (of(fd)) note('?', fd, 0, done, "copy_file_range", NULL, NULL, 0);
    END(done);
}

static void *mapped(void *start, size_t size, int allowed, int flags, int fd, off64_t at) {
    const char *path = of(fd), *ending = path ? strrchr(path, '-') : NULL;
    if (!path) return REAL(mmap64)(start, size, allowed, flags, fd, at);
    BEGIN;
    if (strikes(MAP, path, "mmap")) END(MAP_FAILED);
    void *done = REAL(mmap64)(start, size, allowed, flags, fd, at);
    /* SQLite's index of its log: not durable, and made anew from the log after a crash. */
    int is_index = ending && !strcmp(ending, "-shm");
    if (!is_index && (allowed & PROT_WRITE) && (flags & MAP_SHARED)) note('?', fd, 0, 0, "mmap", NULL, NULL, 0);
    END(done);
}
void *mmap(void *start, size_t size, int allowed, int flags, int fd, off_t at) { return mapped(start, size, allowed, flags, fd, at); }
void *mmap64(void *start, size_t size, int allowed, int flags, int fd, off64_t at) { return mapped(start, size, allowed, flags, fd, at); }

/* ---- names */

#define ON_PATH(name, bit, letter, at_, ...) int name(__VA_ARGS__) { \
    RESOLVE(at_, path); \
    if (!ours(path)) { path = given_path; return REAL(name)(ARGS); } \
    BEGIN; \
    if (strikes(bit, path, #name)) END(-1); \
    int done = REAL(name)(ARGS); \
    note(letter, -1, 0, done, path, NULL, NULL, 0); \
    END(done); }
#define ARGS path, bits
ON_PATH(mkdir, MKDIR, 'M', AT_FDCWD, const char *path, mode_t bits)
#undef ARGS
#define ARGS at, path, bits
ON_PATH(mkdirat, MKDIR, 'M', at, int at, const char *path, mode_t bits)
#undef ARGS
#define ARGS path
ON_PATH(rmdir, REMOVE, 'D', AT_FDCWD, const char *path)
ON_PATH(unlink, REMOVE, 'U', AT_FDCWD, const char *path)
ON_PATH(remove, REMOVE, '?', AT_FDCWD, const char *path)
#undef ARGS
#define ARGS at, path, flags
ON_PATH(unlinkat, REMOVE, flags & AT_REMOVEDIR ? 'D' : 'U', at, int at, const char *path, int flags)
#undef ARGS
#define ARGS path, size
ON_PATH(truncate, RESIZE, '?', AT_FDCWD, const char *path, off_t size)
ON_PATH(truncate64, RESIZE, '?', AT_FDCWD, const char *path, off64_t size)
#undef ARGS
#define ARGS target, path
ON_PATH(symlink, CREATE, '?', AT_FDCWD, const char *target, const char *path)
#undef ARGS

static int moved(char letter, int at, const char *path, int to, const char *other, int (*call)(int, const char *, int, const char *)) {
    RESOLVE(at, path);
    RESOLVE(to, other);
    if (!ours(path) && !ours(other)) return call(at, given_path, to, given_other);
    BEGIN;
    if (strikes(RENAME, other, letter == 'R' ? "rename" : "link")) END(-1);
    int done = call(at, path, to, other);
    note(letter, -1, 0, done, path, other, NULL, 0);
    END(done);
}
static int by_rename(int at, const char *path, int to, const char *other) { return REAL(renameat)(at, path, to, other); }
static int by_link(int at, const char *path, int to, const char *other) { return REAL(linkat)(at, path, to, other, 0); }
int rename(const char *path, const char *other) { return moved('R', AT_FDCWD, path, AT_FDCWD, other, by_rename); }
int renameat(int at, const char *path, int to, const char *other) { return moved('R', at, path, to, other, by_rename); }
int link(const char *path, const char *other) { return moved('L', AT_FDCWD, path, AT_FDCWD, other, by_link); }
int linkat(int at, const char *path, int to, const char *other, int flags) { return moved('L', at, path, to, other, by_link); }

/* ---- looking and locking: never recorded, may fail */

#define LOOKS(name, at_, buffer, ...) int name(__VA_ARGS__) { \
    RESOLVE(at_, path); \
    if (ours(path)) { \
        BEGIN; int fails = strikes(STAT, path, #name); pthread_mutex_unlock(&lock); \
        if (fails) { errno = failure; return -1; } \
    } \
    return REAL(name)(ARGS); }
#define ARGS given_path, found
LOOKS(stat, AT_FDCWD, found, const char *path, struct stat *found)
LOOKS(stat64, AT_FDCWD, found, const char *path, struct stat64 *found)
LOOKS(lstat, AT_FDCWD, found, const char *path, struct stat *found)
LOOKS(lstat64, AT_FDCWD, found, const char *path, struct stat64 *found)
#undef ARGS
#define ARGS at, given_path, found, flags
LOOKS(fstatat, at, found, int at, const char *path, struct stat *found, int flags)
LOOKS(fstatat64, at, found, int at, const char *path, struct stat64 *found, int flags)
#undef ARGS
#define LOOKS_AT(name, type) int name(int fd, struct type *found) { \
    if (of(fd)) { BEGIN; int fails = strikes(STAT, of(fd), #name); pthread_mutex_unlock(&lock); if (fails) { errno = failure; return -1; } } \
    return REAL(name)(fd, found); }
LOOKS_AT(fstat, stat)
LOOKS_AT(fstat64, stat64)

/* Not under the lock, as they may wait for a thread of ours. */
int flock(int fd, int how) {
    if (of(fd) && strikes(LOCK, of(fd), "flock")) return -1;
    return REAL(flock)(fd, how);
}
/* Locks of fcntl do not fail on a local disk; SQLite would take it for a lock that another process holds. */
static int controlled(int fd, int what, void *value, int (*call)(int, int, ...)) {
    int done = call(fd, what, value);
    if (of(fd) && (what == F_DUPFD || what == F_DUPFD_CLOEXEC)) note('?', fd, 0, done, "dup", NULL, NULL, 0);
    return done;
}
#define VALUE(what) void *value; va_list rest; va_start(rest, what); value = va_arg(rest, void *); va_end(rest)
int fcntl(int fd, int what, ...) { VALUE(what); return controlled(fd, what, value, REAL(fcntl)); }
int fcntl64(int fd, int what, ...) { VALUE(what); return controlled(fd, what, value, REAL(fcntl64)); }

/* ---- the clock on the wall */

int clock_gettime(clockid_t which, struct timespec *now) {
    int done = REAL(clock_gettime)(which, now);
    if (!done && which == CLOCK_REALTIME && clock_shift) {
        long long ns = now->tv_sec * 1000000000LL + now->tv_nsec + clock_shift;
        now->tv_sec = ns / 1000000000LL, now->tv_nsec = ns % 1000000000LL;
    }
    return done;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec at;
    int done = clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec, now->tv_usec = at.tv_nsec / 1000;
    return done;
}
time_t time(time_t *out) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (out) *out = at.tv_sec;
    return at.tv_sec;
}
