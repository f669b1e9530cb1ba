package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;

/** What the VM looks at when nothing moves any more. */
class AuditStepsTest {
    private static final int PIN = 5;
    private static final int VECTOR = 0x31;

    private static AnsweredVm vm(Machine machine, Ioapic ioapic) {
        return AnsweredVm.with(machine, ioapic).send(Vm.Audit.AUDIT);
    }

    /** The vCPU that is asked holds these vectors. */
    private static AnsweredVm held(AnsweredVm vm, int... vectors) {
        List<Object> asked = vm.takeAnswers();
        assertEquals(1, asked.size());
        int task = ((Vcpu.Audit) asked.get(0)).task();
        return vm.send(new Vm.VectorsHeld(task, VectorBitmap.of(vectors)));
    }

    private static RedirectionEntry stuck(long bits) {
        return new RedirectionEntry(bits).withRemoteIrr();
    }

    @Test
    void everyVcpuIsAskedInTurnAndThenUserSpaceIsTold() {
        Ioapic ioapic = Ioapic.reset().withEntry(PIN, Fixtures.level(VECTOR, 1));
        AnsweredVm vm = vm(Fixtures.apicvActive(2), ioapic);
        Vcpu.Audit audit = new Vcpu.Audit(1, new ScanTable.OfIoapic(ioapic, 0));

        assertEquals(List.of(audit), vm.takeAnswers());
        vm.send(new Vm.VectorsHeld(1, VectorBitmap.EMPTY));
        assertEquals(List.of(audit), vm.takeAnswers());
        vm.send(new Vm.VectorsHeld(1, VectorBitmap.EMPTY));

        assertEquals(List.of(Userspace.Audited.AUDITED), vm.takeAnswers());
        assertEquals(List.of(), vm.port().events(Event.LevelPinStuck.class));
        assertEquals(true, vm.vm().isIdle());
    }

    @Test
    void aVcpuThatIsNotThereYetIsNotAsked() {
        Machine machine = Fixtures.apicvActive(2).with(new Hotplug(List.of(0), Hotplug.Assignment.FROM_START));

        AnsweredVm vm = held(vm(machine, Ioapic.reset()));

        assertEquals(List.of(Userspace.Audited.AUDITED), vm.takeAnswers());
    }

    /** Remote IRR waits for an EOI. Where no local APIC has the vector, none will come. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        entry              | rirr  | first | second | stuck | reason
        0x0100000000008031 | true  | 0     | 0      | true  | nobody holds it
        0x0100000000008031 | true  | 0x31  | 0      | false | the first does
        0x0100000000008031 | true  | 0     | 0x31   | false | the second does
        0x0100000000008031 | true  | 0x41  | 0x51   | true  | others
        0x0100000000008031 | false | 0     | 0      | false | it waits for none
        0x0100000000008131 | true  | 0     | 0      | true  | lowest priority
        0x0100000000008431 | true  | 0     | 0      | false | an NMI has no EOI
        0x0900000000008031 | true  | 0     | 0      | false | it was for nobody: O4
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void aPinIsStuckWhereNoEoiWillEndIt(
            String entry, boolean rirr, int first, int second, boolean stuck, String reason) {
        long bits = Long.decode(entry);
        RedirectionEntry pin = rirr ? stuck(bits) : new RedirectionEntry(bits);
        AnsweredVm vm = vm(Fixtures.apicvActive(2), Ioapic.reset().withEntry(PIN, pin));

        held(held(vm, first), second);

        assertEquals(
                stuck ? List.of(new Event.LevelPinStuck(PIN, pin)) : List.of(),
                vm.port().events(Event.LevelPinStuck.class),
                reason);
    }

    @ParameterizedTest
    @ValueSource(ints = {0x28, 0})
    void anEoiOfPin8ThatNobodyWillGiveIsMissing(int vector) {
        RtcTracking owed = RtcTracking.NONE.accepted(1, 0x28).withPendingEois(1);
        AnsweredVm vm = vm(Fixtures.apicvActive(2), Ioapic.reset().withRtc(owed));

        held(held(vm), vector);

        assertEquals(
                vector == 0 ? List.of(new Event.RtcEoiMissing(1, 0x28)) : List.of(),
                vm.port().events(Event.RtcEoiMissing.class));
    }

    @Test
    void userSpacesIoapicIsLookedAtWhereTheKernelHasNone() {
        Machine split = Fixtures.apicvActive(1).with(Irqchip.split(Ioapic.PINS));
        AnsweredVm vm = held(vm(split, Ioapic.reset().withEntry(3, stuck(0x8041))));
        assertEquals(List.of(new Userspace.ShowIoapic(1)), vm.takeAnswers());

        RedirectionEntry pin = stuck(0x8031);
        vm.send(new Vm.IoapicShown(1, List.of(new RedirectionEntry(0x10000), pin)));

        assertEquals(List.of(new Event.LevelPinStuck(1, pin)), vm.port().events(Event.LevelPinStuck.class));
        assertEquals(List.of(Userspace.Audited.AUDITED), vm.takeAnswers());
    }
}
