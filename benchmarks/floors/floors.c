/* What this machine can do at best between two processes, each pinned to a processor of its own.
 *
 *   floors cacheline MS           a word that goes back and forth: ns a round trip, median
 *   floors message MS             64 bytes and a header in a ring, and back in another: ns, median
 *   floors futex MS               the word with FUTEX_WAIT and FUTEX_WAKE, and no spinning
 *   floors copy MS SIZE RING      one copies SIZE bytes into a ring, the other copies them out: bytes/s
 *   floors ring MS SIZE RING      frames with a sequence number, one call a message: messages/s
 *
 * MS is how long to measure, and RING how many bytes the ring has. Each prints one line of JSON.
 */
#include "floors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16, ALIGN = 16 };

static double through_ring(Work *work, char **arguments, bool framed) {
    work->size = strtoull(arguments[0], NULL, 10);
    work->frame = work->size + (framed ? HEADER : 0);
    work->frame = (work->frame + ALIGN - 1) / ALIGN * ALIGN;
    work->places = strtoull(arguments[1], NULL, 10) / work->frame;
    work->framed = framed;
    if (!work->size || !work->places)
        return -1;
    work->data = shared_memory(work->places * work->frame);
    return stream(work);
}

int main(int count, char **arguments) {
    const char *name = count > 2 ? arguments[1] : "";
    Work work = {.shared = shared_memory(sizeof(Shared)),
                 .length_ns = count > 2 ? strtoull(arguments[2], NULL, 10) * 1000000 : 0};
    double value = -1;
    if (!strcmp(name, "cacheline"))
        value = cacheline(&work);
    else if (!strcmp(name, "message"))
        value = message(&work);
    else if (!strcmp(name, "futex"))
        value = futex(&work);
    else if (!strcmp(name, "copy") && count == 5)
        value = through_ring(&work, arguments + 3, false) * (double)work.size;
    else if (!strcmp(name, "ring") && count == 5)
        value = through_ring(&work, arguments + 3, true);
    if (value < 0) {
        fprintf(stderr, "floors: cacheline MS | message MS | futex MS | copy MS SIZE RING | ring "
                        "MS SIZE RING\n");
        return 2;
    }
    printf("{\"floor\": \"%s\", \"value\": %.1f}\n", name, value);
    return 0;
}
