package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.arch.ApicRegister;

/** Accesses that KVM emulates: what a guest reads, who else is told, and where user space has to help. */
class VcpuAccessTest {
    private static final long PAGE = Lapic.DEFAULT_PAGE;
    private static final long WINDOW = Ioapic.DEFAULT_BASE;
    private static final Machine MACHINE = Fixtures.apicvInactive(1);
    private static final Machine SPLIT = MACHINE.with(Irqchip.split(Ioapic.PINS));

    private static SteppedVcpu vcpu(Machine machine, Lapic lapic) {
        SteppedVcpu v = SteppedVcpu.of(machine, lapic).enterGuest();
        v.port().forget();
        return v;
    }

    private static SteppedVcpu vcpu() {
        return vcpu(MACHINE, Fixtures.enabledLapic(0));
    }

    /** A local APIC whose mode is known by its letter: X xAPIC, 2 x2APIC, D disabled. */
    private static Lapic lapic(char mode) {
        return switch (mode) {
            case 'X' -> Fixtures.enabledLapic(0);
            case '2' -> Fixtures.x2apicLapic(0);
            default -> Fixtures.enabledLapic(0).withApicBase(PAGE);
        };
    }

    /** Executes, up to where the vCPU waits for somebody or the next instruction. */
    private static SteppedVcpu executed(SteppedVcpu v, GuestAction action) {
        v.execute(action);
        for (int steps = 0; v.vcpu().phase().isActive(); steps++) {
            assertTrue(steps < 100, () -> "still in " + v.vcpu().phase());
            v.step();
        }
        return v;
    }

    private static long read(SteppedVcpu v, GuestAction action) {
        int retired = v.vcpu().guest().fetches();
        executed(v, action);
        assertEquals(retired + 1, v.vcpu().guest().fetches(), "the next instruction is asked for");
        return v.vcpu().guest().value();
    }

    private static GuestAction load(int offset, int size) {
        return new GuestAction.MmioRead(PAGE + offset, size);
    }

    /** Whether the guest was told of a #GP. */
    private static boolean faulted(SteppedVcpu v) {
        return v.port().sentTo("guest 0").stream()
                .anyMatch(each -> each instanceof Guest.Fetch f && f.vector() == Guest.GENERAL_PROTECTION);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apic | offset | size | value            | reason
        X    | 0x310  | 4    | 12000000         | a register
        X    | 0x313  | 1    | 12               | a byte of it
        X    | 0x312  | 2    | 1200             | two
        X    | 0x312  | 1    | 0                | one
        X    | 0x311  | 4    | 0                | crosses the register
        X    | 0x310  | 8    | 0                | so does this
        X    | 0x314  | 4    | 0                | beside it
        X    | 0x0b0  | 4    | 0                | EOI cannot be read
        X    | 0x040  | 4    | 0                | there is none
        X    | 0xff0  | 4    | 0                | the end of the page
        D    | 0x310  | 4    | ffffffff         | nothing answers
        D    | 0x313  | 1    | ff               | nothing answers
        D    | 0x310  | 8    | ffffffffffffffff | nothing answers
        2    | 0x310  | 4    | ffffffff         | x2APIC mode has no page
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whatALoadFromTheApicPageGives(char apic, int offset, int size, String value, String reason) {
        Lapic lapic = lapic(apic);
        SteppedVcpu v = vcpu(MACHINE, lapic.withPage(lapic.page().write(ApicRegister.ICR2, 0x12000000)));
        long expected = Long.parseUnsignedLong(value, 16);

        assertEquals(expected, read(v, load(offset, size)), reason);
        assertEquals(
                List.of(new Event.ApicAccessed(0, Event.Access.READ, offset & 0xff0, size, expected)),
                v.port().events(Event.ApicAccessed.class));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apic | offset | size | written | reason
        X    | 0x380  | 4    | true    | a whole register
        X    | 0x380  | 8    | false   | too much
        X    | 0x380  | 2    | false   | too little
        X    | 0x384  | 4    | false   | beside it
        D    | 0x380  | 4    | false   | nothing answers
        2    | 0x380  | 4    | false   | x2APIC mode has no page
        """)
    void aStoreToTheApicPageCountsWhereItIsOfAWholeRegister(char apic, int offset, int size, boolean written) {
        SteppedVcpu v = vcpu(MACHINE, lapic(apic));

        executed(v, new GuestAction.MmioWrite(PAGE + offset, size, 0x1234));

        assertEquals(EntryPhase.IN_GUEST, v.vcpu().phase());
        assertEquals(written ? 0x1234 : 0, v.vcpu().lapic().page().read(ApicRegister.TMICT));
        assertEquals(
                written ? List.of(new Event.ApicAccessed(0, Event.Access.WRITE, offset, size, 0x1234)) : List.of(),
                v.port().events(Event.ApicAccessed.class));
    }

    @Test
    void aStoreToARegisterThatIsNotThereIsIgnored() {
        SteppedVcpu v = executed(vcpu(), new GuestAction.MmioWrite(PAGE + 0x40, 4, 1));

        assertEquals(EntryPhase.IN_GUEST, v.vcpu().phase());
        assertEquals(false, faulted(v));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        address    | split | kernel | reason
        0xfec00000 | false | true   | the first byte
        0xfec000ff | false | true   | the last
        0xfec00100 | false | false  | behind it
        0xfebfffff | false | false  | before it
        0xfec00000 | true  | false  | the IOAPIC is user space's
        """)
    void loadsAndStoresOfDeviceMemoryGoToTheIoapicOrToUserSpace(long address, boolean split, boolean kernel) {
        SteppedVcpu v = vcpu(split ? SPLIT : MACHINE, Fixtures.enabledLapic(0));
        executed(v, new GuestAction.MmioRead(address, 2));

        assertEquals(
                kernel ? List.of(new Vm.IoapicRead(0, address, 2)) : List.of(),
                v.port().sentTo("vm"));
        assertEquals(kernel ? List.of() : left(Event.Access.READ, address, 2, 0), userspace(v));

        SteppedVcpu w = vcpu(split ? SPLIT : MACHINE, Fixtures.enabledLapic(0));
        executed(w, new GuestAction.MmioWrite(address, 2, 0x31));

        assertEquals(
                kernel ? List.of(new Vm.IoapicWrite(0, address, 2, 0x31)) : List.of(),
                w.port().sentTo("vm"));
        assertEquals(kernel ? List.of() : left(Event.Access.WRITE, address, 2, 0x31), userspace(w));
        boolean inWindow = address == WINDOW || kernel;
        assertEquals(
                inWindow ? List.of(new Event.MmioAccessed(0, Event.Access.WRITE, 2, address, 0x31)) : List.of(),
                w.port().events(Event.MmioAccessed.class));
    }

    private static List<Object> userspace(SteppedVcpu v) {
        return v.port().sentTo("userspace");
    }

    @SuppressWarnings("TooManyParameters") // an access
    private static List<Object> left(Event.Access access, long address, int size, long value) {
        return List.of(new Userspace.VcpuExited(
                0, Event.UserspaceExit.KVM_EXIT_MMIO, new Userspace.Unhandled(access, address, size, value)));
    }

    @Test
    void theGuestGoesOnWithWhatTheKernelOrUserSpaceAnswers() {
        SteppedVcpu kernel = executed(vcpu(), new GuestAction.MmioRead(WINDOW, 4));
        assertEquals(VcpuThread.Await.ACCESS, kernel.vcpu().thread().await());
        kernel.send(new Vcpu.OperationDone(0x17)).stepTo(EntryPhase.IN_GUEST);
        assertEquals(0x17, kernel.vcpu().guest().value());

        SteppedVcpu userspace = executed(vcpu(), new GuestAction.MmioRead(0xd0000000L, 4));
        assertEquals(EntryPhase.USERSPACE, userspace.vcpu().phase());
        userspace.send(new Vcpu.Run(0x18)).stepTo(EntryPhase.IN_GUEST);
        assertEquals(0x18, userspace.vcpu().guest().value());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        port  | split | kernel | reason
        0x20  | false | true   | the master
        0x21  | false | true   | the master
        0xa0  | false | true   | the slave
        0xa1  | false | true   | the slave
        0x4d0 | false | true   | ELCR
        0x4d1 | false | true   | ELCR
        0x22  | false | false  | another device's
        0x4d2 | false | false  | another device's
        0x20  | true  | false  | the PIC is user space's
        """)
    void bytesOfPortsGoToThePicOrToUserSpace(int port, boolean split, boolean kernel) {
        SteppedVcpu in =
                executed(vcpu(split ? SPLIT : MACHINE, Fixtures.enabledLapic(0)), new GuestAction.PortRead(port));
        assertEquals(
                kernel ? List.of(new Vm.PortRead(0, port)) : List.of(),
                in.port().sentTo("vm"));
        assertEquals(kernel ? List.of() : leftIo(Event.Access.READ, port, 0), userspace(in));
        assertEquals(
                List.of(new Event.PioAccessed(0, Event.Access.READ, port, 0)),
                in.port().events(Event.PioAccessed.class));

        SteppedVcpu out = executed(
                vcpu(split ? SPLIT : MACHINE, Fixtures.enabledLapic(0)), new GuestAction.PortWrite(port, 0x31));
        assertEquals(
                kernel ? List.of(new Vm.PortWrite(0, port, 0x31)) : List.of(),
                out.port().sentTo("vm"));
        assertEquals(kernel ? List.of() : leftIo(Event.Access.WRITE, port, 0x31), userspace(out));
        assertEquals(
                List.of(new Event.PioAccessed(0, Event.Access.WRITE, port, 0x31)),
                out.port().events(Event.PioAccessed.class));
    }

    private static List<Object> leftIo(Event.Access access, int port, int value) {
        return List.of(new Userspace.VcpuExited(
                0, Event.UserspaceExit.KVM_EXIT_IO, new Userspace.Unhandled(access, port, 1, value)));
    }

    @Test
    void anExitToUserSpaceLeavesNothingToComplete() {
        SteppedVcpu v = executed(vcpu(), GuestAction.Plain.EXIT_TO_USERSPACE);

        assertEquals(
                List.of(new Userspace.VcpuExited(0, Event.UserspaceExit.KVM_EXIT_IO, Userspace.Unhandled.NONE)),
                userspace(v));
        assertEquals(true, v.vcpu().guest().retired());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anIoapicRegisterIsSelectedAndAccessedAtOnce(boolean split) {
        Machine machine = split ? SPLIT : MACHINE;
        SteppedVcpu w = executed(vcpu(machine, lapic('X')), new GuestAction.IoapicRegisterWrite(0x10, -2));
        assertEquals(
                List.of(
                        split
                                ? new Userspace.IoapicRegisterWritten(0, 0x10, -2)
                                : new Vm.IoapicRegisterWrite(0, 0x10, -2)),
                w.port().sentTo(split ? "userspace" : "vm"));
        assertEquals(
                List.of(new Event.MmioAccessed(0, Event.Access.WRITE, 4, WINDOW + 0x10, 0xfffffffeL)),
                w.port().events(Event.MmioAccessed.class));
        assertEquals(
                split ? VcpuThread.Await.USERSPACE_ACCESS : VcpuThread.Await.ACCESS,
                w.vcpu().thread().await());

        SteppedVcpu r = executed(vcpu(machine, lapic('X')), new GuestAction.IoapicRegisterRead(0x11));
        assertEquals(
                List.of(split ? new Userspace.IoapicRegisterRead(0, 0x11) : new Vm.IoapicRegisterRead(0, 0x11)),
                r.port().sentTo(split ? "userspace" : "vm"));
        if (split) {
            r.send(new Vcpu.Run(0xff0f)).stepTo(EntryPhase.IN_GUEST);
        } else {
            r.send(new Vcpu.OperationDone(0xff0f)).stepTo(EntryPhase.IN_GUEST);
        }
        r.port().forget();

        executed(r, new GuestAction.IoapicRegisterWriteBack(0x11, 0xf, 0x70));
        assertEquals(
                List.of(
                        split
                                ? new Userspace.IoapicRegisterWritten(0, 0x11, 0xff70)
                                : new Vm.IoapicRegisterWrite(0, 0x11, 0xff70)),
                r.port().sentTo(split ? "userspace" : "vm"));
    }

    @Test
    void aDeviceLowersItsLineWhenItsRegisterIsAccessed() {
        SteppedVcpu v = executed(vcpu(), new GuestAction.AcknowledgeDevice(3));

        assertEquals(List.of(new Device.Acknowledge(0)), v.port().sentTo("device 3"));
        assertEquals(VcpuThread.Await.ACCESS, v.vcpu().thread().await());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apic | msr   | value    | fault | reason
        X    | 0x1b  | fee00900 | false | IA32_APIC_BASE
        X    | 0x802 | 0        | true  | no MSRs in xAPIC mode
        2    | 0x803 | 50014    | false | a register
        2    | 0x80f | 1ff      | false | a register
        2    | 0x80e | 0        | true  | DFR is not there
        2    | 0x8ff | 0        | true  | the last of the range
        2    | 0x900 | 0        | true  | behind the range
        2    | 0x7ff | 0        | true  | before the range
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whatRdmsrGives(char apic, int msr, String value, boolean fault, String reason) {
        SteppedVcpu v = vcpu(MACHINE, lapic(apic));
        long expected = Long.parseLong(value, 16);

        long read = read(v, new GuestAction.Rdmsr(msr));

        assertEquals(
                List.of(new Event.MsrAccessed(0, Event.Access.READ, msr, expected, fault)),
                v.port().events(Event.MsrAccessed.class),
                reason);
        assertEquals(fault ? 0 : expected, read);
        assertEquals(fault, faulted(v));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apic | msr   | value     | fault | reason
        X    | 0x1b  | 0xfee00d00 | false | to x2APIC mode
        X    | 0x1b  | 0xfee00901 | true  | a reserved bit
        X    | 0x808 | 0x30      | true  | no MSRs in xAPIC mode
        2    | 0x808 | 0x30      | false | TPR
        2    | 0x802 | 0x30      | true  | read-only
        2    | 0x808 | 0x100000030 | true | the upper half has to be 0
        2    | 0x900 | 0         | true  | behind the range
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whatWrmsrComesTo(char apic, int msr, long value, boolean fault, String reason) {
        SteppedVcpu v = vcpu(MACHINE, lapic(apic));
        Lapic before = v.vcpu().lapic();

        executed(v, new GuestAction.Wrmsr(msr, value));

        assertEquals(
                List.of(new Event.MsrAccessed(0, Event.Access.WRITE, msr, value, fault)),
                v.port().events(Event.MsrAccessed.class),
                reason);
        assertEquals(fault, faulted(v));
        assertEquals(fault, before.equals(v.vcpu().lapic()));
    }

    @Test
    void aLocalApicThatIsAddressedDifferentlyIsMadeKnownFirst() {
        SteppedVcpu v = executed(vcpu(), new GuestAction.Wrmsr(0x1b, 0xfee00d00L));

        ApicIdentity identity = v.vcpu().lapic().identity();
        assertEquals(List.of(new Vm.ChangeIdentity(identity)), v.port().sentTo("vm"));
        assertEquals(
                List.of(new Event.ApicIdentityChanged(identity)), v.port().events(Event.ApicIdentityChanged.class));
        assertEquals(VcpuThread.Await.ACCESS, v.vcpu().thread().await());
    }

    /** {@code kvm_apic_accept_pic_intr}: LVT0 says whether the PIC's interrupt comes through. */
    @Test
    void theVmIsToldWhenLvt0BeginsOrCeasesToTakeThePicsInterrupts() {
        SteppedVcpu v = executed(vcpu(), new GuestAction.ApicRegisterWrite(0x350, 0x10700));
        assertEquals(
                List.of(new Vm.ShowIdentity(v.vcpu().lapic().identity())),
                v.port().sentTo("vm"));
        assertEquals(false, v.vcpu().lapic().acceptsPic());
        v.port().forget();

        executed(v, new GuestAction.ApicRegisterWrite(0x350, 0x10400));
        assertEquals(List.of(), v.port().sentTo("vm"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apic | offset | value      | low   | high | reason
        X    | 0x300  | 0x5031     | 16433 | 0x12 | bit 12 is read-only; the destination is ICR2's
        2    | 0x300  | 0x34004031 | -     | -    | reserved bits of the MSR
        2    | 0x300  | 0x3400004031 | 16433 | 0x34 | both halves at once
        """)
    void aWriteOfTheIcrSendsAnIpi(char apic, int offset, long value, String low, String high) {
        Lapic lapic = lapic(apic);
        SteppedVcpu v =
                vcpu(MACHINE, apic == 'X' ? lapic.withPage(lapic.page().write(ApicRegister.ICR2, 0x12000000)) : lapic);

        executed(v, new GuestAction.ApicRegisterWrite(offset, value));

        boolean sent = !low.equals("-");
        assertEquals(
                sent
                        ? List.of(new Vm.SendIpi(0, InterruptMessage.ofIcr(Integer.decode(low), Integer.decode(high))))
                        : List.of(),
                v.port().sentTo("vm"));
        assertEquals(
                sent ? List.of(new Event.ApicIpiSent(0, Integer.decode(low), Integer.decode(high))) : List.of(),
                v.port().events(Event.ApicIpiSent.class));
        assertEquals(sent, v.vcpu().thread().await() == VcpuThread.Await.ACCESS);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        value | tpr  | fault | reason
        0xf   | 0xf0 | false | four bits
        0x10  | 0x20 | true  | more
        """)
    void cr8IsTheTaskPrioritysUpperHalf(long value, int tpr, boolean fault) {
        SteppedVcpu v = vcpu(MACHINE, Fixtures.enabledLapic(0).withTpr(0x20));
        RecordingPort port = v.port();

        Vcpu written = VcpuAccess.emulate(v.vcpu(), new GuestAction.Cr8Write(value), port);
        assertEquals(tpr, written.lapic().page().tpr());
        assertEquals(fault, written.events().exception() == Guest.GENERAL_PROTECTION);
        assertEquals(fault, written.requests().test(VcpuRequest.EVENT));

        Vcpu read = VcpuAccess.emulate(v.vcpu().with(written.lapic()), new GuestAction.Cr8Read(), port);
        assertEquals(tpr >> 4, read.guest().value());
    }

    /** {@code apic_update_ppr}: what the priority has held back is looked at again. */
    @Test
    void aLowerTaskPriorityAsksForWhatItHasHeldBack() {
        Lapic held = Fixtures.enabledLapic(0)
                .requested(0x31, org.vcpusim.arch.TriggerMode.EDGE)
                .withTpr(0x40);
        SteppedVcpu v = vcpu(MACHINE, held);

        Vcpu same = VcpuAccess.emulate(v.vcpu(), new GuestAction.Cr8Write(3), v.port());
        assertEquals(false, same.requests().test(VcpuRequest.EVENT));
        Vcpu lower = VcpuAccess.emulate(v.vcpu(), new GuestAction.Cr8Write(2), v.port());
        assertEquals(true, lower.requests().test(VcpuRequest.EVENT));
    }
}
