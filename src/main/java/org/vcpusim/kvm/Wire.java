package org.vcpusim.kvm;

/**
 * What is on its way to one vCPU: IPIs, and stores that nobody else sees yet; also those of its own thread.
 *
 * <p>It passes on one message a step, in the order in which they were sent, so that a scheduler decides how long each is under
 * way. A store that the sender orders with a barrier does not come this way: the
 * receiver's mailbox keeps it in front of what is sent after it. An executor may do without wires: then
 * everything arrives as soon as it can. Models the delivery of an inter-processor interrupt, and a CPU's store buffer (SDM,
 * volume 3, "Memory Ordering").
 */
public final class Wire {
    private final int vcpu;

    private Wire(int vcpu) {
        this.vcpu = vcpu;
    }

    /** The wire to vCPU {@code index}. */
    public static Wire to(int index) {
        return new Wire(index);
    }

    /** What can be under way to a vCPU. */
    public sealed interface Message permits Vcpu.HostIpi, Vcpu.MakeRequest, Vm.TableVisible {
        /** It arrives at {@code vcpu}: it goes to the machine that it is for. */
        void arrive(int vcpu, Port port);
    }

    /** The next state; what has arrived goes to {@code port}. */
    public Wire step(Message message, Port port) {
        message.arrive(vcpu, port);
        return this;
    }

    @Override
    public String toString() {
        return "Wire[" + vcpu + "]";
    }
}
