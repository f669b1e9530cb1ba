package org.vcpusim.trace;

/**
 * Who wrote an event: one actor of the simulated machine.
 *
 * @param kind what it is
 * @param index of the vCPU, guest, device, processor of the host, or wire; 0 for the others
 */
public record Source(Kind kind, int index) {
    /** The VM. */
    public static final Source VM = new Source(Kind.VM, 0);
    /** The VMM process. */
    public static final Source USERSPACE = new Source(Kind.USERSPACE, 0);
    /** The host's timer. */
    public static final Source TIMER = new Source(Kind.TIMER, 0);

    /** Kinds of actors. */
    public enum Kind {
        VM,
        VCPU,
        GUEST,
        DEVICE,
        USERSPACE,
        TIMER,
        PCPU,
        WIRE
    }

    /** vCPU {@code index}. */
    public static Source vcpu(int index) {
        return new Source(Kind.VCPU, index);
    }

    /** The guest software of vCPU {@code index}. */
    public static Source guest(int index) {
        return new Source(Kind.GUEST, index);
    }

    /** Device {@code index}. */
    public static Source device(int index) {
        return new Source(Kind.DEVICE, index);
    }

    /** Processor {@code index} of the host. */
    public static Source physicalCpu(int index) {
        return new Source(Kind.PCPU, index);
    }

    /** What is on its way to vCPU {@code index}. */
    public static Source wire(int index) {
        return new Source(Kind.WIRE, index);
    }

    /** The name in traces and logs: {@code vm}, {@code vcpu3}, {@code device0}. */
    public String label() {
        String name = kind.name().toLowerCase(java.util.Locale.ROOT);
        return switch (kind) {
            case VCPU, GUEST, DEVICE, PCPU, WIRE -> name + index;
            case VM, USERSPACE, TIMER -> name;
        };
    }
}
