// The shim stands between SQLite and libc (LD_PRELOAD). It passes every call on, and appends to a log what each one did
// to the files below one folder: what was written, and when a sync returned. log.go reads it, and says what a record is.
//
// JOULEPAY_POWERCUT_FOLDER and JOULEPAY_POWERCUT_LOG name the folder (without symbolic links) and the log outside of it.
// Without them it does nothing. If it cannot keep the log, it ends the process: a record that lies is worse than none.
//
// A record is appended by one write, so those of several processes do not mix. The lock holds a call and its record
// together. A sync leaves two records, one before and one after: only what was recorded before the first is durable.

#define _GNU_SOURCE
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
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPENED = 1, WRITTEN, TRUNCATED, SYNC_BEGINS, SYNC_ENDS, RENAMED, UNLINKED, LINKED };

// head begins every record; path and data follow it.
struct head {
	uint64_t kind;
	uint64_t inode;
	uint64_t offset; // of WRITTEN; the length of TRUNCATED; flags of OPENED and syncs
	uint64_t extra;  // mode of OPENED; number of a sync
	uint64_t path_length;
	uint64_t data_length;
};

enum { CREATED = 1, WITH_CONTENT = 2, DIRECTORY = 4 };

static char folder[PATH_MAX];
static size_t folder_length;
static int log_file = -1;
static uint64_t syncs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*next_open)(const char *, int, ...);
static int (*next_openat)(int, const char *, int, ...);
static ssize_t (*next_write)(int, const void *, size_t);
static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_pwrite64)(int, const void *, size_t, off64_t);
static int (*next_ftruncate)(int, off_t);
static int (*next_ftruncate64)(int, off64_t);
static int (*next_fsync)(int);
static int (*next_fdatasync)(int);
static int (*next_rename)(const char *, const char *);
static int (*next_unlink)(const char *);
static int (*next_link)(const char *, const char *);

static void give_up(const char *what) {
	dprintf(2, "powercut: %s: %s\n", what, strerror(errno));
	_exit(97);
}

__attribute__((constructor)) static void begin(void) {
	next_open = dlsym(RTLD_NEXT, "open");
	next_openat = dlsym(RTLD_NEXT, "openat");
	next_write = dlsym(RTLD_NEXT, "write");
	next_pwrite = dlsym(RTLD_NEXT, "pwrite");
	next_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
	next_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
	next_ftruncate64 = dlsym(RTLD_NEXT, "ftruncate64");
	next_fsync = dlsym(RTLD_NEXT, "fsync");
	next_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
	next_rename = dlsym(RTLD_NEXT, "rename");
	next_unlink = dlsym(RTLD_NEXT, "unlink");
	next_link = dlsym(RTLD_NEXT, "link");
	const char *in = getenv("JOULEPAY_POWERCUT_FOLDER"), *to = getenv("JOULEPAY_POWERCUT_LOG");
	if (in == NULL || to == NULL) return;
	folder_length = strlen(in);
	if (folder_length == 0 || folder_length >= sizeof folder) give_up("folder");
	memcpy(folder, in, folder_length + 1);
	log_file = next_open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (log_file < 0) give_up("log");
}

// below gives the part of a full path below the folder ("." for the folder itself), or NULL for what is not recorded:
// other places, and the shared memory of SQLite's log, which lives no longer than the processes that use it.
static const char *below(const char *path) {
	if (log_file < 0 || strncmp(path, folder, folder_length) != 0) return NULL;
	if (path[folder_length] == 0) return ".";
	if (path[folder_length] != '/') return NULL;
	size_t n = strlen(path);
	if (n >= 4 && strcmp(path + n - 4, "-shm") == 0) return NULL;
	return path + folder_length + 1;
}

// of_file is below() for an open file.
static const char *of_file(int fd, char full[PATH_MAX]) {
	char link[64];
	if (log_file < 0) return NULL;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, full, PATH_MAX - 1);
	if (n < 0) return NULL;
	full[n] = 0;
	return below(full);
}

// of_name is below() for a path as a program gives it: its folder is made real, the last name is not followed.
static const char *of_name(const char *path, char full[PATH_MAX]) {
	char parent[PATH_MAX];
	if (log_file < 0 || strlen(path) >= sizeof parent) return NULL;
	strcpy(parent, path);
	char *slash = strrchr(parent, '/');
	const char *name = path;
	if (slash != NULL) {
		name = path + (slash - parent) + 1;
		*(slash == parent ? slash + 1 : slash) = 0;
	}
	if (realpath(slash == NULL ? "." : parent, full) == NULL) return NULL;
	size_t n = strlen(full);
	if (n + 1 + strlen(name) >= PATH_MAX) return NULL;
	full[n] = '/';
	strcpy(full + n + 1, name);
	return below(full);
}

static void record(struct head h, const char *path, const void *data, size_t length) {
	h.path_length = path == NULL ? 0 : strlen(path);
	h.data_length = length;
	struct iovec parts[3] = {
		{&h, sizeof h}, {(void *)path, h.path_length}, {(void *)data, length},
	};
	ssize_t size = sizeof h + h.path_length + length;
	if (writev(log_file, parts, 3) != size) give_up("writing the log");
}

static uint64_t inode_of(int fd) {
	struct stat s;
	if (fstat(fd, &s) != 0) give_up("fstat");
	return s.st_ino;
}

// first_seen tells whether this process has not yet recorded the content of a file.
static int first_seen(uint64_t inode) {
	static uint64_t seen[4096];
	static size_t count;
	for (size_t i = 0; i < count; i++)
		if (seen[i] == inode) return 0;
	if (count == sizeof seen / sizeof *seen) give_up("too many files");
	seen[count++] = inode;
	return 1;
}

// opened records a file with its content: what stands in it when it is first seen was written before the record, or
// by somebody whom the shim does not see.
static void opened(int fd, int created, int truncated) {
	char full[PATH_MAX];
	struct stat s;
	const char *path = of_file(fd, full);
	if (path == NULL || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) return;
	struct head h = {.kind = OPENED, .inode = s.st_ino, .offset = created ? CREATED : 0, .extra = s.st_mode & 07777};
	char *content = NULL;
	off_t size = 0;
	if (first_seen(s.st_ino) || created) {
		h.offset |= WITH_CONTENT;
		int copy = next_open(full, O_RDONLY | O_CLOEXEC);
		if (copy < 0 || (content = malloc(s.st_size + 1)) == NULL) give_up("reading a file");
		while (size < s.st_size) {
			ssize_t n = pread(copy, content + size, s.st_size - size, size);
			if (n <= 0) break;
			size += n;
		}
		close(copy);
	}
	record(h, path, content, size);
	free(content);
	if (truncated) record((struct head){.kind = TRUNCATED, .inode = s.st_ino}, NULL, NULL, 0);
}

static int open_and_record(int at, const char *path, int flags, mode_t mode) {
	if (log_file < 0) return next_openat(at, path, flags, mode);
	pthread_mutex_lock(&lock);
	struct stat before;
	int existed = (flags & O_CREAT) == 0 || fstatat(at, path, &before, 0) == 0;
	int fd = next_openat(at, path, flags, mode);
	int error = errno;
	if (fd >= 0) opened(fd, !existed, (flags & O_TRUNC) != 0);
	pthread_mutex_unlock(&lock);
	errno = error;
	return fd;
}

#define MODE(flags, mode)                            \
	mode_t mode = 0;                                 \
	if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {    \
		va_list rest;                                \
		va_start(rest, flags);                       \
		mode = va_arg(rest, mode_t);                 \
		va_end(rest);                                \
	}

int open(const char *path, int flags, ...) {
	MODE(flags, mode)
	return open_and_record(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
	MODE(flags, mode)
	return open_and_record(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int at, const char *path, int flags, ...) {
	MODE(flags, mode)
	return open_and_record(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
	MODE(flags, mode)
	return open_and_record(at, path, flags | O_LARGEFILE, mode);
}

int creat(const char *path, mode_t mode) {
	return open_and_record(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

// RECORDED runs a call on an open file, and the record of its success, without another between them.
#define RECORDED(type, fd, call, what)               \
	char full[PATH_MAX];                             \
	const char *path = of_file(fd, full);            \
	if (path == NULL) return call;                   \
	pthread_mutex_lock(&lock);                       \
	type result = call;                              \
	int error = errno;                               \
	if (result >= 0) { what; }                       \
	pthread_mutex_unlock(&lock);                     \
	errno = error;                                   \
	return result;

static void written(int fd, uint64_t offset, const void *data, ssize_t n) {
	record((struct head){.kind = WRITTEN, .inode = inode_of(fd), .offset = offset}, NULL, data, n);
}

// The position after a write tells where it went, O_APPEND or not.
ssize_t write(int fd, const void *data, size_t n) {
	RECORDED(ssize_t, fd, next_write(fd, data, n), written(fd, lseek(fd, 0, SEEK_CUR) - result, data, result))
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
	RECORDED(ssize_t, fd, next_pwrite(fd, data, n, offset), written(fd, offset, data, result))
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
	RECORDED(ssize_t, fd, next_pwrite64(fd, data, n, offset), written(fd, offset, data, result))
}

static void truncated(int fd, uint64_t length) {
	record((struct head){.kind = TRUNCATED, .inode = inode_of(fd), .offset = length}, NULL, NULL, 0);
}

int ftruncate(int fd, off_t length) {
	RECORDED(int, fd, next_ftruncate(fd, length), truncated(fd, length))
}

int ftruncate64(int fd, off64_t length) {
	RECORDED(int, fd, next_ftruncate64(fd, length), truncated(fd, length))
}

// A sync runs outside the lock, so that others go on writing; its two records tell what it covers.
static int sync_and_record(int fd, int (*call)(int)) {
	char full[PATH_MAX];
	const char *path = of_file(fd, full);
	if (path == NULL) return call(fd);
	struct stat s;
	if (fstat(fd, &s) != 0) give_up("fstat");
	struct head h = {.kind = SYNC_BEGINS, .inode = s.st_ino, .offset = S_ISDIR(s.st_mode) ? DIRECTORY : 0};
	pthread_mutex_lock(&lock);
	h.extra = (uint64_t)getpid() << 32 | ++syncs;
	record(h, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	int result = call(fd);
	int error = errno;
	if (result == 0) {
		pthread_mutex_lock(&lock);
		h.kind = SYNC_ENDS;
		record(h, path, NULL, 0);
		pthread_mutex_unlock(&lock);
	}
	errno = error;
	return result;
}

int fsync(int fd) { return sync_and_record(fd, next_fsync); }

int fdatasync(int fd) { return sync_and_record(fd, next_fdatasync); }

// NAMED runs a call on names, and the record of its success when the last of them is below the folder.
#define NAMED(last, call, what)                      \
	char full[PATH_MAX];                             \
	const char *path = of_name(last, full);          \
	if (path == NULL) return call;                   \
	pthread_mutex_lock(&lock);                       \
	int result = call;                               \
	int error = errno;                               \
	if (result == 0) { what; }                       \
	pthread_mutex_unlock(&lock);                     \
	errno = error;                                   \
	return result;

// linked records a second name in place of a first. Names that cross the border of the folder are not understood.
static void linked(enum kind kind, const char *from, const char *to) {
	char full[PATH_MAX];
	const char *path = of_name(from, full);
	if (path == NULL) give_up("a name from outside the folder");
	record((struct head){.kind = kind}, path, to, strlen(to));
}

int unlink(const char *name) {
	NAMED(name, next_unlink(name), record((struct head){.kind = UNLINKED}, path, NULL, 0))
}

int rename(const char *from, const char *to) {
	NAMED(to, next_rename(from, to), linked(RENAMED, from, path))
}

int link(const char *from, const char *to) {
	NAMED(to, next_link(from, to), linked(LINKED, from, path))
}
