/* Prints the frequency of this machine's time stamp counter in kHz, which is also that of an emulated
 * guest's (boot.sh): QEMU passes the counter on. The guest's kernel would measure it at its start, and
 * where this machine is busy then it is wrong by any factor; its clock then is for good.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct moment {
  double nanoseconds;
  uint64_t ticks;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC_RAW, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

/* Both clocks at once: of many readings the one that took least, so that nothing has come between. */
static struct moment look(void) {
  struct moment best = {0, 0};
  double least = 1e18;
  for (int i = 0; i < 1000; i++) {
    double before = now();
    uint64_t ticks = __rdtsc();
    double took = now() - before;
    if (took < least) {
      least = took;
      best = (struct moment){before + took / 2, ticks};
    }
  }
  return best;
}

int main(void) {
  struct moment first = look();
  nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  struct moment last = look();
  printf("%.0f\n", (last.ticks - first.ticks) / (last.nanoseconds - first.nanoseconds) * 1e6);
}
