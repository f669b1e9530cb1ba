package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.kvm.ApicvInhibit.Change;

/** vCPUs and devices that come to a VM that runs, and go. */
class HotplugTest {
    private static final int VECTOR = 0x41;
    private static final Hotplug DEVICES = new Hotplug(List.of(), Hotplug.Assignment.LATER);

    private static Machine withNewcomer(Fault... faults) {
        return Fixtures.apicvActive(2, faults).with(new Hotplug(List.of(1), Hotplug.Assignment.FROM_START));
    }

    private static Machine withDevices(Fault... faults) {
        return Fixtures.apicvActive(1, faults).withPhysicalCpus(1).with(DEVICES);
    }

    @Test
    void nothingReachesAVcpuThatIsNotThere() {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(withNewcomer()));
        InterruptMessage everyone = new InterruptMessage(
                VECTOR,
                DeliveryMode.FIXED,
                DestinationMode.PHYSICAL,
                TriggerMode.EDGE,
                true,
                DestinationShorthand.ALL,
                0,
                false);

        vm.send(new Vm.BlockIrq(0, Change.SET)).send(new Vm.SendIpi(0, everyone));
        assertEquals(List.of("APICV_UPDATE 0", "accept 0 0x41"), vm.takeLog());

        vm.send(new Vm.AddVcpu(Fixtures.enabledLapic(1).identity()));
        assertEquals(List.of("SCAN_IOAPIC 0", "SCAN_IOAPIC 1"), vm.takeLog());
        assertEquals(
                List.of(new Vcpu.OperationDone(0), new Vcpu.OperationDone(1), new Vcpu.OperationDone(0)),
                vm.takeAnswers());
        vm.send(new Vm.BlockIrq(0, Change.CLEAR)).send(new Vm.SendIpi(0, everyone));
        assertEquals(List.of("APICV_UPDATE 0", "APICV_UPDATE 1", "accept 0 0x41", "accept 1 0x41"), vm.takeLog());
    }

    /** Before it can be found, the reason that it has seen goes, or one comes that it has not seen. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        false | 0 | 8 | false
        false | 8 | 0 | true
        true  | 0 | 8 | true
        true  | 8 | 0 | false
        """)
    void aNewVcpuLooksAtTheInhibitsBeforeItsFirstEntry(boolean faulty, long sampled, long later, boolean active) {
        Machine machine = faulty ? withNewcomer(Fault.CREATE_WITHOUT_APICV_UPDATE) : withNewcomer();
        SteppedVcpu v = SteppedVcpu.of(machine, Fixtures.enabledLapic(1));

        v.send(Vcpu.Plain.CREATE).send(new Vcpu.InhibitsSampled(sampled));
        assertEquals(
                List.of(
                        new Vm.SampleInhibits(1),
                        new Vm.AddVcpu(v.vcpu().lapic().identity())),
                v.port().sentTo("vm"));
        v.send(new Vcpu.OperationDone(0));
        assertEquals(List.of(new Userspace.VcpuCalled(1, 0)), v.port().sentTo("userspace"));
        v.withInhibits(later).enterGuest();

        assertEquals(active, v.vcpu().apicvActive());
    }

    @Test
    void userSpaceStartsOnlyWhatIsThere() {
        RecordingPort port = new RecordingPort();
        Userspace userspace = Userspace.of(withNewcomer()).step(Userspace.Start.START, port);
        userspace = userspace.step(Userspace.Start.START, port);
        assertEquals(List.of(Vcpu.Plain.CREATE, new Vcpu.Run(0)), port.sentTo("vcpu 0"));
        assertEquals(List.of(), port.sentTo("vcpu 1"));

        userspace = userspace.step(new Userspace.CallVcpu(0, 1, Vcpu.Plain.CREATE), port);
        userspace.step(new Userspace.VcpuCalled(1, 0), port);

        assertEquals(List.of(Vcpu.Plain.CREATE, new Vcpu.Run(-1)), port.sentTo("vcpu 1"));
        assertEquals(List.of(new Device.Done(0)), port.sentTo("device 0"));
    }

    @ParameterizedTest
    @CsvSource({"false, UNBLOCK 0", "true, ''"})
    void theFirstDeviceMakesSleepersLookAgain(boolean faulty, String told) {
        AnsweredVm vm = new AnsweredVm(Fixtures.vm(faulty ? withDevices(Fault.ASSIGN_WITHOUT_UNBLOCK) : withDevices()));
        for (int device = 0; device < 2; device++) {
            vm.send(new Vm.AssignDevice(new Vm.OfDevice(device), Vcpu.Assignment.ASSIGNED));
        }
        for (int device = 0; device < 2; device++) {
            vm.send(new Vm.AssignDevice(new Vm.OfDevice(device), Vcpu.Assignment.UNASSIGNED));
        }

        assertEquals(told, String.join(", ", vm.takeLog()));
        assertEquals(
                List.of(Vcpu.Assignment.ASSIGNED, Vcpu.Assignment.UNASSIGNED),
                vm.takeAnswers().stream()
                        .filter(Vcpu.Assignment.class::isInstance)
                        .toList());
    }

    private static SteppedVcpu asleep(Machine machine) {
        SteppedVcpu v = SteppedVcpu.of(machine);
        v.send(new Vcpu.Run(0)).send(new Vcpu.ScheduledIn(0)).stepTo(EntryPhase.IN_GUEST);
        return v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);
    }

    private static int notificationVector(SteppedVcpu v) {
        return v.vcpu().posting().descriptor().control().nv();
    }

    @Test
    void aSleeperTakesTheWakeUpVectorWhenADeviceIsThere() {
        SteppedVcpu v = asleep(withDevices());
        assertEquals(Event.HostVector.POSTED_INTR.number(), notificationVector(v));

        v.send(Vcpu.Assignment.ASSIGNED).make(VcpuRequest.UNBLOCK);
        v.send(new Vcpu.ExchangeMode(1, Vcpu.Wakeup.WAKE)).send(new Vcpu.ScheduledIn(0));
        v.stepTo(EntryPhase.RUN_LOOP).stepTo(EntryPhase.BLOCKED);

        assertEquals(Event.HostVector.POSTED_INTR_WAKEUP.number(), notificationVector(v));
        assertFalse(v.vcpu().requests().test(VcpuRequest.UNBLOCK));
        assertEquals(
                1,
                v.port().events(Event.RequestApplied.class).stream()
                        .filter(e -> e.flow().request() == VcpuRequest.UNBLOCK)
                        .count());
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "true, 0"})
    void aSleeperLeavesTheListAlsoWhenTheLastDeviceHasGone(boolean faulty, int removed) {
        SteppedVcpu v = SteppedVcpu.of(faulty ? withDevices(Fault.WAKEUP_LIST_ADDED_TWICE) : withDevices());
        v.send(Vcpu.Assignment.ASSIGNED).send(new Vcpu.Run(0)).send(new Vcpu.ScheduledIn(0));
        v.stepTo(EntryPhase.IN_GUEST);
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.HLT).stepTo(EntryPhase.BLOCKED);

        v.send(Vcpu.Assignment.UNASSIGNED).send(Vcpu.WakeUp.WAKE_UP).send(new Vcpu.ScheduledIn(0));

        long count = v.port().sentTo("cpu 0").stream()
                .filter(PhysicalCpu.RemoveSleeper.class::isInstance)
                .count();
        assertEquals(removed, count);
    }

    @Test
    void anEntryThatIsLinkedInTwiceHidesThoseBehindIt() {
        RecordingPort port = new RecordingPort();
        PhysicalCpu cpu = PhysicalCpu.idle(0);
        for (int vcpu : new int[] {3, 1, 2, 1}) {
            cpu = cpu.step(new PhysicalCpu.AddSleeper(vcpu), port);
        }

        cpu.step(new PhysicalCpu.Interrupt(Event.HostVector.POSTED_INTR_WAKEUP), port);

        List<Integer> asked = IntStream.range(0, 4)
                .filter(vcpu -> !port.sentTo("vcpu " + vcpu).isEmpty())
                .boxed()
                .toList();
        assertEquals(List.of(1, 3), asked);
    }
}
