package org.vcpusim.sim;

import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;

/** An executor that a recorded vector is replayed on: messages go in, and when nothing moves any more, answers come out. */
interface VectorHost extends AutoCloseable {
    void send(Vm.Message message);

    void send(int vcpu, Vcpu.Message message);

    void load(int vcpu, Guest.Software software);

    /** Sends to the host's timer. */
    void send(HostTimer.Message message);

    /** Goes on until nothing moves any more. */
    void runUntilQuiescent();

    /** What user space was told since the last call, in order. */
    List<Userspace.Message> userspaceMessages();

    /** What happened since the last call, in order. */
    List<Event> events();

    @Override
    void close();
}
