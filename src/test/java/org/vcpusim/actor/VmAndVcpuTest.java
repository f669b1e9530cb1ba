package org.vcpusim.actor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.IoapicState;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.kvm.Vm;
import org.vcpusim.trace.Recorder;
import org.vcpusim.trace.Source;

/** A real VM and a real vCPU in parallel; the test is the guest and everybody else. */
class VmAndVcpuTest {
    private static final int PIN = 4;
    /** Of pin 8; the scan takes the RTC's pin whatever its entry says. */
    private static final int RTC_VECTOR = 0;

    private static final int VECTOR = 0x31;
    private static final long LEVEL = 1 << 15;
    private static final long MASKED = 1 << 16;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Machine MACHINE = new Machine(
            1, Protocol.LOAD_EOI_EXITMAP, Machine.Apicv.ACTIVE, 0, 1, Machine.TaskPriority.TPR_SHADOW, List.of(), 0);

    private final ActorTestKit kit = ActorTestKit.create();

    @AfterEach
    void end() {
        kit.shutdownTestKit();
    }

    /** Hands what is recorded to a probe. */
    private record ToProbe(ActorRef<Event> probe) implements Recorder {
        @Override
        public void record(Source source, Event event) {
            probe.tell(event);
        }

        @Override
        public void elapse(long nanos) {
            // Time is of no interest here.
        }
    }

    /** What happens next of this kind. */
    private static <E extends Event> E next(TestProbe<Event> events, Class<E> type) {
        List<Event> found = events.fishForMessage(
                PATIENCE,
                event -> type.isInstance(event) ? FishingOutcomes.complete() : FishingOutcomes.continueAndIgnore());
        return type.cast(found.get(0));
    }

    private static IoapicState levelPin() {
        RedirectionEntry masked = new RedirectionEntry(MASKED);
        RedirectionEntry level = new RedirectionEntry(LEVEL | VECTOR);
        return new IoapicState(
                0,
                0,
                0,
                IntStream.range(0, Ioapic.PINS)
                        .mapToObj(pin -> pin == PIN ? level : masked)
                        .toList());
    }

    @Test
    void aNewTableTakesTheVcpuOutOfItsGuestAndLoadsTheBitmap() {
        TestProbe<Event> events = kit.createTestProbe();
        TestProbe<Guest.Message> guest = kit.createTestProbe();
        TestProbe<Userspace.Message> userspace = kit.createTestProbe();
        Run run = new Run(new ToProbe(events.ref()));
        ActorRef<Vm.Message> vm = kit.spawn(VmActor.create(
                Vm.created(MACHINE, Routing.of(Routing.Preset.IOAPIC), new ApicIdentity[] {
                    Lapic.created(0).identity()
                }),
                ActorPort.of(run, Source.VM)));
        ActorRef<Vcpu.Message> vcpu = kit.spawn(VcpuActor.create(
                Vcpu.created(MACHINE, Lapic.created(0), Optional.empty()), ActorPort.of(run, Source.vcpu(0))));
        run.begin(new Directory(
                vm,
                userspace.ref(),
                kit.<HostTimer.Message>createTestProbe().ref(),
                List.of(vcpu),
                List.of(guest.ref()),
                List.of(),
                List.of(),
                List.of()));

        vcpu.tell(new Vcpu.Run(0));
        assertEquals(new Guest.Fetch(0, 1, false, 0, -1), guest.receiveMessage(PATIENCE));
        vm.tell(new Vm.SetIoapic(levelPin()));

        assertEquals(
                new Event.BroadcastStarted(1, VcpuRequest.LOAD_EOI_EXITMAP, 1),
                next(events, Event.BroadcastStarted.class));
        assertEquals(new Event.IpiSent(0, Event.HostVector.CALL_FUNCTION), next(events, Event.IpiSent.class));
        assertEquals(
                ExitReason.EXTERNAL_INTERRUPT,
                next(events, Event.GuestExited.class).reason());
        assertEquals(
                VectorBitmap.of(RTC_VECTOR, VECTOR),
                next(events, Event.EoiExitmapLoaded.class).bitmap());
        next(events, Event.GuestEntered.class);
        assertEquals(new Guest.Fetch(0, 2, false, 0, -1), guest.receiveMessage(PATIENCE));
        assertEquals(new Userspace.Done(0), userspace.receiveMessage(PATIENCE));
        assertEquals(Optional.empty(), run.failure());
    }
}
