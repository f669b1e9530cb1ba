package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * Event file descriptors that raise GSIs, and the resamplers among them.
 *
 * <p>All irqfds with resampling on one GSI share one ack notifier. Source: virt/kvm/eventfd.c.
 *
 * @param assigned in the order in which they were assigned
 */
public record Irqfds(List<Irqfd> assigned) {
    /** None assigned. */
    public static final Irqfds NONE = new Irqfds(List.of());

    /** Interrupt source id of user space and of irqfds without resampling. */
    public static final int USERSPACE_SOURCE = 0;
    /** Interrupt source id of irqfds with resampling. */
    public static final int RESAMPLE_SOURCE = 1;

    public Irqfds {
        assigned = List.copyOf(assigned);
    }

    /** One irqfd; {@code id} is user space's name for it. */
    public record Irqfd(int id, int gsi, boolean resample) {}

    /** Whether the GSI has a resampler, which is an ack notifier. */
    public boolean hasResampler(int gsi) {
        return assigned.stream().anyMatch(fd -> fd.resample && fd.gsi == gsi);
    }

    /** The ids whose resample event is signalled for {@code gsi}, in the order of assignment. */
    public List<Integer> resampled(int gsi) {
        return assigned.stream()
                .filter(fd -> fd.resample && fd.gsi == gsi)
                .map(Irqfd::id)
                .toList();
    }

    /** The irqfd with this id. */
    public java.util.Optional<Irqfd> find(int id) {
        return assigned.stream().filter(fd -> fd.id == id).findFirst();
    }

    /** With one more. */
    public Irqfds with(Irqfd irqfd) {
        List<Irqfd> more = new ArrayList<>(assigned);
        more.add(irqfd);
        return new Irqfds(more);
    }

    /** Without the one of this id. */
    public Irqfds without(int id) {
        return new Irqfds(assigned.stream().filter(fd -> fd.id != id).toList());
    }
}
