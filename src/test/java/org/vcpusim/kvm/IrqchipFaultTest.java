package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What goes wrong without fixes B17, B23 and B24: controllers that are not what they seem, or not there. */
class IrqchipFaultTest {
    private static final int VECTOR = 0x31;
    private static final List<Event> NO_LOCAL_APIC = List.of(new Event.HostCrashed(Event.HostCrash.NO_LOCAL_APIC));

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        split | flags | fault                         | offers | suppresses | reason
        false | 0     |                               | false  | true       | what a guest has set already is obeyed
        false | 0     | EOI_SUPPRESSION_MISADVERTISED | true   | true       | without an EOI register to end the interrupt at
        true  | 0     | EOI_SUPPRESSION_MISADVERTISED | true   | false      | is of the IOAPIC in the kernel only
        true  | 4     |                               | true   | true       | enabled
        true  | 8     |                               | false  | false      | disabled
        true  | 4     | EOI_SUPPRESSION_UNRELIABLE    | true   | false      | cannot be enabled
        true  | 8     | EOI_SUPPRESSION_UNRELIABLE    | true   | false      | cannot be disabled
        false | 0     | EOI_SUPPRESSION_UNRELIABLE    | false  | true       | is of the IOAPIC in user space only
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void theSuppressionOfEoisIsOfferedOnlyWhereItWorks(
            boolean split, int flags, @Nullable Fault fault, boolean offers, boolean suppresses) {
        Machine machine = Fixtures.withApi(Fixtures.apicvActive(1), flags)
                .with(split ? Irqchip.split(Ioapic.PINS) : Irqchip.KERNEL)
                .with(fault == null ? Rules.UPSTREAM : Rules.with(EnumSet.of(fault)));
        assertEquals(offers, machine.offersEoiSuppression());
        assertEquals(suppresses, machine.suppressesEois());
        assertEquals(offers, Lapic.created(machine, 0).offersEoiSuppression());
    }

    private static Machine withEarlyVcpu(Fault... faults) {
        return Fixtures.apicvActive(2, faults).with(Irqchip.kernelAfter(List.of(1)));
    }

    private static Vcpu created(Machine machine, Lapic lapic) {
        return Vcpu.created(machine, lapic, Optional.empty());
    }

    private static List<Event> crashes(Machine machine, int vcpu, Vcpu.Message... messages) {
        RecordingPort port = new RecordingPort();
        Vcpu v = created(machine, Fixtures.enabledLapic(vcpu));
        for (Vcpu.Message message : messages) {
            v = v.step(message, port);
        }
        return List.copyOf(port.events(Event.HostCrashed.class));
    }

    @Test
    void anInterruptForAVcpuThatIsOlderThanTheControllersCrashesTheHost() {
        Vcpu.Message accept = new Vcpu.Accept(9, InterruptMessage.of(Fixtures.edge(VECTOR, 1)));
        assertEquals(List.of(), crashes(withEarlyVcpu(), 1, accept));
        assertEquals(NO_LOCAL_APIC, crashes(withEarlyVcpu(Fault.IRQCHIP_AFTER_VCPU), 1, accept));
        assertEquals(List.of(), crashes(withEarlyVcpu(Fault.IRQCHIP_AFTER_VCPU), 0, accept));
    }

    @Test
    void aVcpuThatIsOlderThanTheControllersTakesNothing() {
        RecordingPort port = new RecordingPort();
        created(withEarlyVcpu(Fault.IRQCHIP_AFTER_VCPU), Fixtures.enabledLapic(1))
                .step(new Vcpu.Accept(9, InterruptMessage.of(Fixtures.edge(VECTOR, 1))), port);
        assertEquals(List.of(new Vm.Accepted(9, false, null)), port.sentTo("vm"));
        assertEquals(
                List.of(new Event.HostCrashed(Event.HostCrash.NO_LOCAL_APIC), new Event.InterruptDiscarded(1, VECTOR)),
                port.takeEvents().stream()
                        .filter(event -> !(event instanceof Event.VmcsInitialised))
                        .toList());
    }

    @Test
    void aScanWithoutALocalApicCrashesTheHost() {
        assertEquals(List.of(), scanned(withEarlyVcpu(), 1));
        assertEquals(NO_LOCAL_APIC, scanned(withEarlyVcpu(Fault.IRQCHIP_AFTER_VCPU), 1));
    }

    @Test
    void aScanWithoutAnIoapicCrashesTheHostUnlessItLooks() {
        Machine none = Fixtures.apicvInactive(1).with(Irqchip.NONE);
        assertEquals(List.of(), scanned(none, 0));
        assertEquals(
                List.of(new Event.HostCrashed(Event.HostCrash.NO_IOAPIC)),
                scanned(none.with(Rules.with(EnumSet.of(Fault.SCAN_WITHOUT_PRESENCE_CHECKS))), 0));
        assertEquals(
                List.of(), scanned(Fixtures.apicvInactive(1, Fault.SCAN_WITHOUT_PRESENCE_CHECKS), 0), "there is one");
    }

    private static List<Event> scanned(Machine machine, int vcpu) {
        RecordingPort port = new RecordingPort();
        Lapic lapic = Fixtures.enabledLapic(vcpu);
        Lapic there = machine.hasLapics() ? lapic : lapic.withApicBase(Lapic.DEFAULT_PAGE);
        VcpuExitMap.scan(created(machine, there), port);
        return List.copyOf(port.events(Event.HostCrashed.class));
    }

    /** Neither the way a vCPU is created nor its IA32_APIC_BASE gives it a local APIC that the kernel does not have. */
    @Test
    void withoutControllersInTheKernelThereIsNothingToScanOrToEnable() {
        RecordingPort port = new RecordingPort();
        Machine none = Fixtures.apicvInactive(1).with(Irqchip.NONE);
        Vcpu created = created(none, Fixtures.enabledLapic(0).withApicBase(Lapic.DEFAULT_PAGE))
                .step(Vcpu.Plain.CREATE, port);
        assertEquals(0, created.requests().word());
        long enabled = Lapic.DEFAULT_PAGE | Lapic.BASE_ENABLE;
        Vcpu written = VcpuAccess.emulate(created, new GuestAction.Wrmsr(0x1b, enabled), port);
        assertEquals(false, written.lapic().hwEnabled());
        assertEquals(
                true,
                Fixtures.vm(Fixtures.apicvActive(1).with(Irqchip.NONE))
                        .inhibits()
                        .has(ApicvInhibit.ABSENT));
    }

    @Test
    void aHaltWithoutALocalApicIsUserSpacesBusiness() {
        RecordingPort port = new RecordingPort();
        Machine none = Fixtures.apicvInactive(1).with(Irqchip.NONE);
        Userspace.of(none)
                .step(new Userspace.VcpuExited(0, Event.UserspaceExit.KVM_EXIT_HLT, Userspace.Unhandled.NONE), port)
                .step(new Userspace.VcpuExited(0, Event.UserspaceExit.KVM_EXIT_IO, Userspace.Unhandled.NONE), port)
                .step(new Userspace.IoapicRegisterWritten(0, 0x10, 0x31), port)
                .step(new Userspace.IoapicRegisterRead(0, 0x10), port);
        assertEquals(
                List.of(new Vcpu.Run(-1), new Vcpu.Run(-1), new Vcpu.Run(-1)),
                port.sentTo("vcpu 0"),
                "the halted vCPU is not run again");
    }

    @Test
    void userSpacesIoapicAnswersAGuestThatReadsARegister() {
        RecordingPort port = new RecordingPort();
        Machine split = Fixtures.apicvActive(1).with(Irqchip.split(Ioapic.PINS));
        UserspaceIoapic ioapic =
                UserspaceIoapic.of(IoapicState.of(split, Ioapic.reset().withEntry(5, Fixtures.level(VECTOR, 0))));
        Userspace.of(split, ioapic).step(new Userspace.IoapicRegisterRead(0, 0x10 + 2 * 5), port);
        assertEquals(List.of(new Vcpu.Run(0x8031)), port.sentTo("vcpu 0"));
    }
}
