/* The limit of an OCI runtime's `run`, and the stopwatch for it and for the others.
 *
 *   oci container ROOTFS GROUP… -- PROGRAM…
 *     runs a program in the container that `runc spec` describes, with nothing but the system calls
 *     that make it: its namespaces, mounts, devices, masked and write-protected paths, capabilities,
 *     and a control group in every directory GROUP. No file is read but for the two that a cpuset
 *     needs, and nothing is checked that does not have to be.
 *
 *   oci stopwatch
 *     reads commands, a line each with tabs between the words, and answers how many nanoseconds each
 *     took from its start to its end, its status, and its largest size in KiB (getrusage(2)).
 *     A line may have several commands, with `;` as a word between them.
 *
 * Linked statically: no dynamic loader, and a fork of a small process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

static char groups[16][512];
static int count;

/* A new cpuset has no processor and no memory node, and lets nobody in. */
static void inherit(const char *parent, const char *group, const char *name) {
  char path[600], text[256];
  snprintf(path, sizeof path, "%s/%s", parent, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = read(fd, text, sizeof text);
  close(fd);
  snprintf(path, sizeof path, "%s/%s", group, name);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  if (size > 0)
    MUST(write(fd, text, (size_t)size));
  close(fd);
}

static void group(const char *parent) {
  char *made = groups[count++];
  snprintf(made, sizeof groups[0], "%s/limit-%d", parent, getpid());
  MUST(mkdir(made, 0755));
  if (strstr(parent, "/cpuset")) {
    inherit(parent, made, "cpuset.cpus");
    inherit(parent, made, "cpuset.mems");
  }
}

/* A process of one thread moves itself by `tasks`, without the wait that `cgroup.procs` has. */
static void join(void) {
  char path[600];
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%.511s/tasks", groups[i]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    MUST(fd);
    MUST(write(fd, "0", 1));
    close(fd);
  }
}

static void node(const char *path, unsigned major, unsigned minor) {
  MUST(mknod(path, S_IFCHR | 0666, makedev(major, minor)));
}

static void furnish(const char *root) {
  const unsigned long quiet = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
  MUST(mount(root, root, NULL, MS_BIND | MS_REC, NULL));
  MUST(chdir(root));
  MUST(mount("proc", "proc", "proc", 0, NULL));
  MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
  mkdir("dev/pts", 0755), mkdir("dev/shm", 0755), mkdir("dev/mqueue", 0755);
  MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
             "newinstance,ptmxmode=0666,mode=0620"));
  MUST(mount("shm", "dev/shm", "tmpfs", quiet, "mode=1777,size=65536k"));
  MUST(mount("mqueue", "dev/mqueue", "mqueue", quiet, NULL));
  MUST(mount("sysfs", "sys", "sysfs", quiet | MS_RDONLY, NULL));
  umask(0);
  node("dev/null", 1, 3), node("dev/zero", 1, 5), node("dev/full", 1, 7);
  node("dev/random", 1, 8), node("dev/urandom", 1, 9), node("dev/tty", 5, 0);
  MUST(symlink("/proc/self/fd", "dev/fd"));
  MUST(symlink("/proc/self/fd/0", "dev/stdin"));
  MUST(symlink("/proc/self/fd/1", "dev/stdout"));
  MUST(symlink("/proc/self/fd/2", "dev/stderr"));
  MUST(symlink("pts/ptmx", "dev/ptmx"));
  MUST(syscall(SYS_pivot_root, ".", "."));
  MUST(umount2(".", MNT_DETACH));
  MUST(chdir("/"));
}

static void protect(void) {
  static const char *files[] = { "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                                 "/proc/timer_list", "/proc/sched_debug" };
  static const char *dirs[] = { "/proc/acpi", "/proc/scsi", "/sys/firmware" };
  static const char *fixed[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                 "/proc/sysrq-trigger" };
  /* What the kernel does not have needs no cover: errors are no errors here. */
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    mount("/dev/null", files[i], NULL, MS_BIND, NULL);
  for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
    mount("tmpfs", dirs[i], "tmpfs", MS_RDONLY, NULL);
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
    if (!mount(fixed[i], fixed[i], NULL, MS_BIND | MS_REC, NULL))
      mount(NULL, fixed[i], NULL,
            MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
}

/* CAP_AUDIT_WRITE, CAP_KILL and CAP_NET_BIND_SERVICE, as in `runc spec`. */
static void confine(void) {
  const uint32_t kept = 1u << 29 | 1u << 5 | 1u << 10;
  for (unsigned i = 0; i < 41; i++)
    if (i >= 32 || !(kept >> i & 1))
      prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  uint32_t header[2] = { 0x20080522, 0 }, sets[6] = { kept, kept, kept, 0, 0, 0 };
  MUST(syscall(SYS_capset, header, sets));
  MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int container(char **words) {
  const char *root = *words++;
  for (; strcmp(*words, "--"); words++)
    group(*words);
  struct clone_args how = {
    .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
    .exit_signal = SIGCHLD,
  };
  pid_t pid = (pid_t)syscall(SYS_clone3, &how, sizeof how);
  MUST(pid);
  if (!pid) {
    join();
    /* After the groups are entered, so that they are the roots of what the container sees. */
    MUST(unshare(CLONE_NEWCGROUP));
    furnish(root);
    protect();
    MUST(sethostname("limit", 5));
    MUST(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
    confine();
    char *environment[] = { "PATH=/bin", NULL };
    execve(words[1], words + 1, environment);
    _exit(127);
  }
  int status;
  MUST(waitpid(pid, &status, 0));
  for (int i = 0; i < count; i++)
    MUST(rmdir(groups[i]));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

static int command(char **words, long *size) {
  pid_t pid;
  int status;
  struct rusage used;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  if (posix_spawnp(&pid, words[0], &files, NULL, words, environ))
    return 127;
  MUST(wait4(pid, &status, 0, &used));
  posix_spawn_file_actions_destroy(&files);
  if (used.ru_maxrss > *size)
    *size = used.ru_maxrss;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Splits a line and runs its commands, up to the first that fails. */
static void measure(char *line) {
  char *words[256];
  int at = 0, status = 0, total = 0;
  long size = 0;
  for (char *word = strtok(line, "\t\n"); word && total < 255; word = strtok(NULL, "\t\n"))
    words[total++] = word;
  words[total] = NULL;
  long before = now();
  for (int i = 0; i <= total && !status; i++) {
    if (i < total && strcmp(words[i], ";"))
      continue;
    words[i] = NULL;
    status = command(words + at, &size);
    at = i + 1;
  }
  printf("%ld %d %ld\n", now() - before, status, size);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc > 3 && !strcmp(argv[1], "container"))
    return container(argv + 2);
  static char line[1 << 16];
  while (fgets(line, sizeof line, stdin))
    measure(line);
  return 0;
}
