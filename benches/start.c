/* The limit: a container's start with nothing but the system calls that make it.
 *
 *   start WORD…       what the root consists of, as benches/start.lua says it:
 *     filter=FILE     a classic BPF program, loaded last
 *     dir=PATH        a directory        file=PATH       written, as long as the host's
 *     link=PATH=TEXT  a symbolic link    bind=PATH       of the host, read-only
 *     mask=PATH       hidden             readonly=PATH   write-protected
 *     keep=MASK       the capabilities that stay, as a hexadecimal number
 *   -- PROGRAM…       what is started with the word `program`, without any namespace
 *
 * Then each line on the standard input is one start, and its answer how many nanoseconds it took,
 * from the first call to the end of /bin/true: `container` in new namespaces, `program` what
 * stands behind `--`. Linked statically: a fork of a small process, and no dynamic loader.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUST(call)                                                                              \
  do {                                                                                          \
    if ((long)(call) < 0) {                                                                     \
      perror(#call);                                                                            \
      _exit(127);                                                                               \
    }                                                                                           \
  } while (0)

extern char **environ;

struct word {
  const char *key, *path, *text;
  size_t size;
};
static struct word words[256];
static int count;
static struct sock_fprog filter;
static uint64_t keep;

static char *slurp(const char *path, size_t *size) {
  static char buffer[1 << 20];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
  if (fd >= 0)
    close(fd);
  *size = got < 0 ? 0 : (size_t)got;
  char *copy = malloc(*size + 1);
  memcpy(copy, buffer, *size);
  return copy;
}

/* A cached filter is one line of what it means, and the program behind it. */
static void load(const char *path) {
  size_t size;
  char *bytes = slurp(path, &size);
  char *code = memchr(bytes, '\n', size);
  if (!code)
    exit(2);
  filter.len = (size - (size_t)(code + 1 - bytes)) / sizeof(struct sock_filter);
  filter.filter = malloc(filter.len * sizeof(struct sock_filter));
  memcpy(filter.filter, code + 1, filter.len * sizeof(struct sock_filter));
}

static void parse(char *word) {
  char *path = strchr(word, '=');
  if (!path)
    exit(2);
  *path++ = 0;
  struct word *made = &words[count++];
  *made = (struct word){ .key = word, .path = path };
  if (!strcmp(word, "filter")) {
    load(path);
  } else if (!strcmp(word, "keep")) {
    keep = strtoull(path, NULL, 16);
  } else if (!strcmp(word, "file")) {
    made->text = slurp(path, &made->size);
  } else if (!strcmp(word, "link")) {
    char *text = strchr(path, '=');
    *text++ = 0;
    made->text = text;
  }
}

static int attribute(int fd, uint64_t set, unsigned flags) {
  struct mount_attr attr = { .attr_set = set };
  return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &attr, sizeof attr);
}

/* A read-only clone of `from` on `to`, which is relative to the new root. */
static void cover(const char *from, const char *to, uint64_t set) {
  int fd = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (fd < 0 && errno == ENOENT)
    return;
  MUST(fd);
  MUST(attribute(fd, set, AT_RECURSIVE));
  MUST(syscall(SYS_move_mount, fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH));
  close(fd);
}

static void node(const char *path, unsigned major, unsigned minor) {
  MUST(mknod(path, S_IFCHR | 0666, makedev(major, minor)));
}

static void furnish(void) {
  struct stat found;
  for (int i = 0; i < count; i++) {
    const struct word *w = &words[i];
    const char *inside = w->path + 1;
    if (!strcmp(w->key, "dir")) {
      MUST(mkdir(inside, 0755));
    } else if (!strcmp(w->key, "file")) {
      int fd = open(inside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
      MUST(fd);
      MUST(write(fd, w->text, w->size));
      close(fd);
    } else if (!strcmp(w->key, "link")) {
      MUST(symlink(w->text, inside));
    } else if (!strcmp(w->key, "bind")) {
      MUST(stat(w->path, &found));
      MUST(S_ISDIR(found.st_mode) ? mkdir(inside, 0755) : mknod(inside, S_IFREG | 0644, 0));
      cover(w->path, inside, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    }
  }
  MUST(mkdir("proc", 0755));
  MUST(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
  MUST(mkdir("dev", 0755));
  MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=65536"));
  node("dev/null", 1, 3), node("dev/zero", 1, 5), node("dev/full", 1, 7);
  node("dev/random", 1, 8), node("dev/urandom", 1, 9), node("dev/tty", 5, 0);
  MUST(symlink("/proc/self/fd", "dev/fd"));
  MUST(symlink("/proc/self/fd/0", "dev/stdin"));
  MUST(symlink("/proc/self/fd/1", "dev/stdout"));
  MUST(symlink("/proc/self/fd/2", "dev/stderr"));
  MUST(symlink("pts/ptmx", "dev/ptmx"));
  mkdir("dev/pts", 0755), mkdir("dev/shm", 0755), mkdir("dev/mqueue", 0755);
  MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
  MUST(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=67108864"));
  MUST(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL));
}

/* Hides and write-protects, with one empty directory for all that are hidden. */
static void protect(void) {
  struct stat found;
  int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  MUST(context);
  MUST(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  int empty = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
  MUST(empty);
  close(context);
  for (int i = 0; i < count; i++) {
    const struct word *w = &words[i];
    if (!strcmp(w->key, "readonly")) {
      cover(w->path + 1, w->path + 1, MOUNT_ATTR_RDONLY);
    } else if (!strcmp(w->key, "mask") && !stat(w->path + 1, &found)) {
      int fd = S_ISDIR(found.st_mode)
        ? (int)syscall(SYS_open_tree, empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
        : (int)syscall(SYS_open_tree, AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
      MUST(fd);
      MUST(syscall(SYS_move_mount, fd, "", AT_FDCWD, w->path + 1, MOVE_MOUNT_F_EMPTY_PATH));
      close(fd);
    }
  }
  close(empty);
}

static void confine(void) {
  for (int i = 0; i < 64; i++)
    if (!(keep >> i & 1) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
      MUST(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
  uint32_t header[2] = { 0x20080522, 0 };
  uint32_t low = (uint32_t)keep, high = (uint32_t)(keep >> 32);
  uint32_t sets[6] = { low, low, 0, high, high, 0 };
  MUST(syscall(SYS_capset, header, sets));
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  if (filter.len)
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

static void inside(void) {
  MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
  umask(0);
  MUST(sethostname("limit", 5));
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
  MUST(ioctl(fd, SIOCSIFFLAGS, &up));
  close(fd);
  MUST(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
  MUST(mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1073741824"));
  MUST(chdir("/tmp"));
  furnish();
  protect();
  MUST(syscall(SYS_pivot_root, ".", "."));
  MUST(umount2(".", MNT_DETACH));
  MUST(chdir("/"));
  umask(022);
  confine();
  char *arguments[] = { "/bin/true", NULL };
  char *environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
  execve(arguments[0], arguments, environment);
  _exit(127);
}

static pid_t container(void) {
  struct clone_args how = {
    .flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET,
    .exit_signal = SIGCHLD,
  };
  pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
  MUST(pid);
  if (!pid)
    inside();
  return pid;
}

static pid_t program(char **arguments) {
  pid_t pid;
  if (posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ))
    exit(2);
  return pid;
}

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

int main(int argc, char **argv) {
  int at = 1, status;
  for (; at < argc && strcmp(argv[at], "--"); at++)
    parse(argv[at]);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    long before = now();
    pid_t pid = *line == 'c' ? container() : program(argv + at + 1);
    MUST(waitpid(pid, &status, 0));
    long took = now() - before;
    if (status)
      return 1;
    printf("%ld\n", took);
    fflush(stdout);
  }
  return 0;
}
