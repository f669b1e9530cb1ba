package org.vcpusim.actor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.apache.pekko.actor.testkit.typed.javadsl.BehaviorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestInbox;
import org.apache.pekko.actor.typed.Behavior;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.Source;

/** A run of one actor: everybody it can send to is an inbox. There are a vCPU with its guest, and a device. */
final class Inboxes {
    final TestInbox<Vm.Message> vm = TestInbox.create();
    final TestInbox<Userspace.Message> userspace = TestInbox.create();
    final TestInbox<HostTimer.Message> timer = TestInbox.create();
    final TestInbox<Vcpu.Message> vcpu = TestInbox.create();
    final TestInbox<Guest.Message> guest = TestInbox.create();
    final TestInbox<Device.Message> device = TestInbox.create();
    final TestInbox<PhysicalCpu.Message> physicalCpu = TestInbox.create();
    final TestInbox<Wire.Message> wire = TestInbox.create();
    final List<Recorded> recorded = new ArrayList<>();
    final Run run;

    /** What was recorded, under whose name. */
    record Recorded(Source source, Event event) {}

    Inboxes() {
        run = new Run(new Recorder() {
            @Override
            public void record(Source source, Event event) {
                recorded.add(new Recorded(source, event));
            }

            @Override
            public void elapse(long nanos) {
                // Time is of no interest here.
            }
        });
        run.begin(new Directory(
                vm.getRef(),
                userspace.getRef(),
                timer.getRef(),
                List.of(vcpu.getRef()),
                List.of(guest.getRef()),
                List.of(device.getRef()),
                List.of(physicalCpu.getRef()),
                List.of(wire.getRef())));
    }

    /** The actor that {@code behavior} makes of {@code initial} under the name {@code source}. */
    <S, M> BehaviorTestKit<M> actor(BiFunction<S, ActorPort, Behavior<M>> behavior, S initial, Source source) {
        return BehaviorTestKit.create(behavior.apply(initial, ActorPort.of(run, source)));
    }

    /** Hands {@code message} to {@code actor}, as somebody outside the run. */
    <M> void tell(BehaviorTestKit<M> actor, M message) {
        run.sending();
        actor.run(message);
    }

    /** All that was sent since the last time, by receiver in the order of the directory. */
    List<Object> sent() {
        List<Object> all = new ArrayList<>(vm.getAllReceived());
        all.addAll(userspace.getAllReceived());
        all.addAll(timer.getAllReceived());
        all.addAll(vcpu.getAllReceived());
        all.addAll(guest.getAllReceived());
        all.addAll(device.getAllReceived());
        all.addAll(physicalCpu.getAllReceived());
        all.addAll(wire.getAllReceived());
        return all;
    }
}
