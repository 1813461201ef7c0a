/* Writes down what SQLite does to the files of a hub; see books_power.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char files[4096];
static int record = -1;
static int ends(const char *path, const char *end) {
  size_t a = strlen(path), b = strlen(end);
  return a >= b && !strcmp(path + a - b, end);
}
static char file_of(const char *path) {
  if (ends(path, "/data/hub.db")) return 'd';
  if (ends(path, "/data/hub.db-wal")) return 'w';
  if (ends(path, "/outside.jsonl")) return 'a';
  return ends(path, "/data") ? 'f' : 0;
}
static char file_at(int fd) { return fd >= 0 && fd < 4096 ? files[fd] : 0; }
static void note(char what, char file, int64_t offset, uint32_t length, const void *bytes) {
  char head[14];
  const char *path = getenv("POWER_RECORD");
  if (record < 0 && path) record = REAL(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  head[0] = what; head[1] = file;
  memcpy(head + 2, &offset, 8); memcpy(head + 10, &length, 4);
  if (REAL(write)(record, head, 14) != 14) abort();
  if (bytes && REAL(write)(record, bytes, length) != (ssize_t)length) abort();
}
static int opened(const char *path, int flags, int mode, int (*real)(const char *, int, ...)) {
  char file = file_of(path);
  if (!file) return real(path, flags, mode);
  pthread_mutex_lock(&turn);
  int is_new = access(path, F_OK) != 0, fd = real(path, flags, mode);
  if (fd >= 0 && fd < 4096) files[fd] = file;
  if (fd >= 0 && is_new) note('c', file, 0, 0, 0);
  pthread_mutex_unlock(&turn);
  return fd;
}
#define OPEN(name) int name(const char *path, int flags, ...) { \
  va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
  return opened(path, flags, mode, REAL(name)); }
OPEN(open) OPEN(open64)
int close(int fd) {
  if (fd >= 0 && fd < 4096) files[fd] = 0;
  return REAL(close)(fd);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  char file = file_at(fd);
  if (!file) return REAL(pwrite64)(fd, bytes, length, offset);
  pthread_mutex_lock(&turn);
  ssize_t done = REAL(pwrite64)(fd, bytes, length, offset);
  if (done > 0) note('w', file, offset, done, bytes);
  pthread_mutex_unlock(&turn);
  return done;
}
ssize_t write(int fd, const void *bytes, size_t length) {
  char file = file_at(fd);
  if (!file) return REAL(write)(fd, bytes, length);
  pthread_mutex_lock(&turn);
  ssize_t done = REAL(write)(fd, bytes, length);
  if (done > 0) note('w', file, -1, done, bytes);
  pthread_mutex_unlock(&turn);
  return done;
}
static int synced(int fd, int (*real)(int)) {
  char file = file_at(fd);
  int done = real(fd);
  if (!file || done) return done;
  pthread_mutex_lock(&turn);
  note('s', file, 0, 0, 0);
  pthread_mutex_unlock(&turn);
  return done;
}
int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }
int ftruncate64(int fd, off64_t size) {
  char file = file_at(fd);
  if (!file) return REAL(ftruncate64)(fd, size);
  pthread_mutex_lock(&turn);
  int done = REAL(ftruncate64)(fd, size);
  if (!done) note('t', file, size, 0, 0);
  pthread_mutex_unlock(&turn);
  return done;
}
int unlink(const char *path) {
  char file = file_of(path);
  if (!file) return REAL(unlink)(path);
  pthread_mutex_lock(&turn);
  int done = REAL(unlink)(path);
  if (!done) note('u', file, 0, 0, 0);
  pthread_mutex_unlock(&turn);
  return done;
}
