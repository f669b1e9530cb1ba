package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * A processor of the host: whose thread runs on it, who waits for it, and which vCPUs sleep on it waiting for the wake-up vector.
 *
 * <p>Threads run until they sleep, return to user space or are preempted; then the next in the queue runs. Interrupts come as
 * messages, where they have to: those that devices send to the processor that a posted-interrupt descriptor names. Source:
 * {@code sysvec_kvm_posted_intr_ipi}, {@code sysvec_kvm_posted_intr_wakeup_ipi}, arch/x86/kernel/irq.c;
 * {@code wakeup_vcpus_on_cpu}, {@code pi_wakeup_handler}, arch/x86/kvm/vmx/posted_intr.c.
 */
public final class PhysicalCpu {
    private static final int NOBODY = -1;

    private final int index;
    private final int running;
    private final List<Integer> queue;
    private final List<Integer> sleepers;

    private PhysicalCpu(int index, int running, List<Integer> queue, List<Integer> sleepers) {
        this.index = index;
        this.running = running;
        this.queue = List.copyOf(queue);
        this.sleepers = List.copyOf(sleepers);
    }

    /** Processor {@code index} with nothing to run. */
    public static PhysicalCpu idle(int index) {
        return new PhysicalCpu(index, NOBODY, List.of(), List.of());
    }

    /** What a processor is told. */
    public sealed interface Message {}

    /** The thread of a vCPU can run here. */
    public record Enqueue(int vcpu) implements Message {}

    /** The thread that runs here does not any more. */
    public record Leave(int vcpu) implements Message {}

    /** A vCPU sleeps here with the wake-up vector in its descriptor. */
    public record AddSleeper(int vcpu) implements Message {}

    /** A vCPU has another vector in its descriptor. */
    public record RemoveSleeper(int vcpu) implements Message {}

    /** An interrupt for the host. */
    public record Interrupt(Event.HostVector vector) implements Message {}

    /** The next state; what has to happen elsewhere goes to {@code port}. */
    public PhysicalCpu step(Message message, Port port) {
        if (message instanceof Enqueue e) {
            return running == NOBODY ? run(e.vcpu, queue, port) : with(running, added(queue, e.vcpu), sleepers);
        }
        if (message instanceof Leave l) {
            return left(l.vcpu, port);
        }
        if (message instanceof AddSleeper a) {
            return with(running, queue, listed(a.vcpu));
        }
        if (message instanceof RemoveSleeper r) {
            return with(running, queue, removed(sleepers, r.vcpu));
        }
        return interrupted(((Interrupt) message).vector, port);
    }

    /**
     * The list of sleepers with {@code vcpu} at its end. An entry that is in the list already is linked in anew, and whoever was
     * behind it is not found any more; {@code list_add_tail}, include/linux/list.h.
     */
    private List<Integer> listed(int vcpu) {
        int there = sleepers.indexOf(vcpu);
        return added(there < 0 ? sleepers : sleepers.subList(0, there), vcpu);
    }

    private PhysicalCpu left(int vcpu, Port port) {
        if (running != vcpu) {
            throw new IllegalStateException("vCPU " + vcpu + " leaves " + this + " and does not run there");
        }
        if (queue.isEmpty()) {
            return with(NOBODY, queue, sleepers);
        }
        return run(queue.get(0), queue.subList(1, queue.size()), port);
    }

    private PhysicalCpu run(int vcpu, List<Integer> waiting, Port port) {
        port.toVcpu(vcpu, new Vcpu.ScheduledIn(index));
        return with(vcpu, waiting, sleepers);
    }

    /** The notification vector is for whoever runs here; the wake-up vector asks each sleeper whether it was meant. */
    private PhysicalCpu interrupted(Event.HostVector vector, Port port) {
        switch (vector) {
            case POSTED_INTR -> {
                if (running != NOBODY) {
                    port.toWire(running, new Vcpu.HostIpi(vector, Vcpu.HostIpi.NOBODY_WAITS));
                }
            }
            case POSTED_INTR_WAKEUP -> sleepers.forEach(vcpu -> port.toVcpu(vcpu, Vcpu.WakeUp.IF_OUTSTANDING));
            default -> throw new IllegalArgumentException("nobody sends " + vector + " to a processor");
        }
        return this;
    }

    private PhysicalCpu with(int nowRunning, List<Integer> nowQueue, List<Integer> nowSleepers) {
        return new PhysicalCpu(index, nowRunning, nowQueue, nowSleepers);
    }

    private static List<Integer> added(List<Integer> list, int vcpu) {
        List<Integer> more = new ArrayList<>(list);
        more.add(vcpu);
        return more;
    }

    private static List<Integer> removed(List<Integer> list, int vcpu) {
        return list.stream().filter(each -> each != vcpu).toList();
    }

    @Override
    public String toString() {
        return "PhysicalCpu[" + index + ", running=" + running + ", queue=" + queue + ", sleepers=" + sleepers + "]";
    }
}
