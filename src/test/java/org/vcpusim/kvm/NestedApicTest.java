package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.GuestAction.PlainVmx;

/** The local APIC that L1 has given L2, or its own that it lets L2 use. */
class NestedApicTest {
    private static final Machine MACHINE = Fixtures.apicvActive(1);
    private static final int L1_TPR = 0x30;

    /** L2 runs with the priority 0x50 and the version 0x99 in its page; L1's own priority is 0x30. */
    private static SteppedVcpu inL2(String letters) {
        SteppedVcpu v = NestedFixture.inL2(MACHINE, letters);
        LocalApic page = LocalApic.zeroed().write(ApicRegister.LVR, 0x99).write(ApicRegister.TASKPRI, 0x50);
        return v.change(x -> x.with(x.lapic().withTpr(L1_TPR)).with(x.nested().with(ofPage(x, page))));
    }

    private static VirtualApic ofPage(Vcpu v, LocalApic page) {
        VirtualApic apic = v.nested().apic();
        return new VirtualApic(page, apic.rvi(), apic.svi(), apic.recognized());
    }

    private static GuestAction action(String words) {
        String[] w = words.split(" ", -1);
        long number = w.length > 1 ? Long.decode(w[1]) : 0;
        long value = w.length > 2 ? Long.decode(w[2]) : 0;
        return switch (w[0]) {
            case "load" -> new GuestAction.MmioRead(Lapic.DEFAULT_PAGE + number, 4);
            case "store" -> new GuestAction.MmioWrite(Lapic.DEFAULT_PAGE + number, 4, value);
            case "register" -> new GuestAction.ApicRegisterWrite((int) number, value);
            case "rdmsr" -> new GuestAction.Rdmsr((int) number);
            case "wrmsr" -> new GuestAction.Wrmsr((int) number, value);
            case "readcr8" -> new GuestAction.Cr8Read();
            case "cr8" -> new GuestAction.Cr8Write(number);
            default -> Plain.EOI;
        };
    }

    /** What the processor does is done without an exit; L1 gets the exits of what it virtualizes only in part. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | does               | exit        | read | tpr  | reason
        eatp   | load 0x80          | -           | 0x50 | 0x50 | the priority is in the page
        eatp   | load 0x30          | APIC_ACCESS | -    | 0x50 | other registers are L1's to emulate
        eatprd | load 0x30          | -           | 0x99 | 0x50 | unless they are virtualized
        eatprd | load 0xffc         | APIC_ACCESS | -    | 0x50 | the page has no such register
        eatp   | store 0x80 0x60    | -           | 0    | 0x60 | the priority is in the page
        eatp   | store 0x80 0x160   | -           | 0    | 0x60 | of which there are eight bits
        eatp   | store 0xb0 0       | APIC_ACCESS | -    | 0x50 | an EOI is L1's to emulate
        eatpd  | store 0xb0 0       | -           | 0    | 0x50 | unless interrupts are delivered
        eatp   | register 0x80 0x60 | -           | 0    | 0x60 | the same by the register's offset
        eatx   | register 0x80 0x60 | -           | 0    | 0x60 | in x2APIC mode by its MSR
        eatp   | rdmsr 0x808        | MSR_READ    | -    | 0x50 | an xAPIC has no MSRs: L1 intercepts them
        eatp   | wrmsr 0x808 0x60   | MSR_WRITE   | -    | 0x50 | an xAPIC has no MSRs: L1 intercepts them
        eatx   | rdmsr 0x808        | -           | 0x50 | 0x50 | the priority is in the page
        eatx   | rdmsr 0x803        | MSR_READ    | -    | 0x50 | other registers are L1's to emulate
        eatxr  | rdmsr 0x803        | -           | 0x99 | 0x50 | unless they are virtualized
        eatx   | wrmsr 0x808 0x60   | -           | 0    | 0x60 | the priority is in the page
        eatx   | wrmsr 0x80b 0      | MSR_WRITE   | -    | 0x50 | an EOI is L1's to emulate
        eatxd  | wrmsr 0x80b 0      | -           | 0    | 0x50 | unless interrupts are delivered
        eatxd  | wrmsr 0x80f 0x1ff  | MSR_WRITE   | -    | 0x50 | other registers are L1's to emulate
        eatxd  | eoi                | -           | 0    | 0x50 | in x2APIC mode by its MSR
        eatx   | load 0x80          | -           | 0    | 0x50 | an x2APIC has no page: nothing answers
        eatx   | store 0x80 0x60    | -           | 0    | 0x50 | an x2APIC has no page: nothing answers
        eatp   | readcr8            | -           | 5    | 0x50 | CR8 shadows the priority
        eatp   | cr8 6              | -           | 0    | 0x60 | CR8 shadows the priority
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whatL2DoesWithALocalApicOfItsOwn(
            String vmcs12, String does, String exit, String read, int tpr, String reason) {
        SteppedVcpu v = inL2(vmcs12);
        long rip = v.vcpu().guest().rip();

        v.execute(action(does)).stepTo(EntryPhase.IN_GUEST);

        boolean l1 = !exit.equals("-");
        assertEquals(l1 ? List.of(ExitReason.valueOf(exit)) : List.of(), v.exitsToL1(), reason);
        assertEquals(v.exitsToL1(), v.exits());
        GuestLink l2 = l1 ? v.vcpu().nested().suspended() : v.vcpu().guest();
        assertEquals(rip + 2, l2.rip(), "L2 goes on behind it");
        assertEquals(tpr, v.vcpu().nested().apic().page().tpr());
        assertEquals(L1_TPR, v.vcpu().lapic().page().tpr(), "L1's own local APIC is another one");
        if (!l1) {
            assertEquals(Long.decode(read), l2.value());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | does            | reason
        eatxd  | wrmsr 0x80b 1   | an EOI is written as 0
        eatx   | wrmsr 0x808 256 | a priority has eight bits
        eatp   | cr8 16          | CR8 has four
        """)
    void whatItRefusesRaisesGpInL2(String vmcs12, String does, String reason) {
        SteppedVcpu v = inL2(vmcs12).execute(action(does));

        assertEquals(List.of(Guest.GENERAL_PROTECTION), v.taken(), reason);
        assertEquals(List.of(), v.exits());
        assertTrue(v.vcpu().nested().guestMode());
        assertEquals(0x50, v.vcpu().nested().apic().page().tpr());
    }

    /** Without any control L2 uses L1's: KVM emulates, and L1 sees nothing. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        does               | exit          | read | tpr
        load 0x80          | EPT_MISCONFIG | 0x30 | 0x30
        store 0x80 0x60    | EPT_MISCONFIG | 0    | 0x60
        register 0x80 0x60 | EPT_MISCONFIG | 0    | 0x60
        rdmsr 0x1b         | MSR_READ      | 0xfee00900 | 0x30
        readcr8            | CR_ACCESS     | 3    | 0x30
        cr8 6              | CR_ACCESS     | 0    | 0x60
        """)
    void withoutOneOfItsOwnL2ActsOnL1s(String does, ExitReason exit, long read, int tpr) {
        SteppedVcpu v = inL2("ea").execute(action(does)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(exit), v.exits());
        assertEquals(List.of(), v.exitsToL1());
        assertEquals(read, v.vcpu().guest().value());
        assertEquals(tpr, v.vcpu().lapic().page().tpr());
        assertEquals(0x50, v.vcpu().nested().apic().page().tpr());
    }

    /** Memory beside the page is device memory as for L1. */
    @ParameterizedTest
    @CsvSource({"eatp, 0x1000", "eatp, -4", "ea, 0x1000", "ea, -4"})
    void memoryBesideThePageIsNoLocalApic(String vmcs12, int offset) {
        SteppedVcpu v = inL2(vmcs12);

        v.execute(action("load " + offset)).stepTo(EntryPhase.USERSPACE);

        assertEquals(List.of(ExitReason.EPT_MISCONFIG), v.exits());
        assertEquals(List.of(), v.exitsToL1());
    }

    /** L1 has moved its own page, which L2 uses. */
    @Test
    void thePageThatL2SharesIsWhereL1HasPutIt() {
        SteppedVcpu v = inL2("ea");
        v.change(x -> x.with(x.lapic().withApicBase(0xd0000000L | Lapic.BASE_ENABLE)));

        v.execute(new GuestAction.MmioRead(0xd0000080L, 4)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(L1_TPR, v.vcpu().guest().value());
    }

    @Test
    void aSelfIpiOfL2IsDeliveredByTheProcessor() {
        SteppedVcpu v = NestedFixture.interruptible(inL2("eatxd"));

        v.execute(action("wrmsr 0x83f 0x61"));

        assertEquals(List.of(0x61), v.taken());
        assertEquals(List.of(), v.exits());
        assertEquals(0x6100, v.vcpu().vmcs().read(VmcsField.GUEST_INTR_STATUS));
    }

    private static SteppedVcpu requested(String letters) {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, letters);
        v.execute(new GuestAction.RequestNested(0x61)).stepTo(EntryPhase.IN_GUEST);
        v.execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);
        v.port().forget();
        return v;
    }

    @Test
    void theProcessorDeliversToL2OnceItMayBeInterrupted() {
        SteppedVcpu v = requested("eatpd");
        assertEquals(List.of(), v.taken(), "IF is 0");

        v.execute(Plain.STI);
        assertEquals(List.of(), v.taken(), "STI blocks for one instruction");

        v.execute(Plain.NOP);
        assertEquals(List.of(0x61), v.taken());
        assertEquals(List.of(new Event.VirtualInterruptDelivered(0, 0x61)), delivered(v));
    }

    private static List<Event.VirtualInterruptDelivered> delivered(SteppedVcpu v) {
        return v.port().events(Event.VirtualInterruptDelivered.class);
    }

    @Test
    void anInterruptWindowOfL1sComesBeforeTheDelivery() {
        SteppedVcpu v = NestedFixture.interruptible(requested("eatpdw"));

        v.stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), delivered(v));
        assertEquals(List.of(ExitReason.INTERRUPT_WINDOW), v.exitsToL1());
    }

    @Test
    void withoutDeliveryWhatIsRequestedStaysInThePage() {
        SteppedVcpu v = NestedFixture.interruptible(requested("eatp"));

        assertEquals(List.of(), v.taken());
        assertTrue(v.vcpu().nested().apic().page().irr().get(0x61));
    }

    /** SDM "TPR Virtualization": the threshold is compared when L2 is entered, and L2 leaves before its first instruction. */
    @ParameterizedTest
    @CsvSource({"4, false", "5, false", "6, true"})
    void aPriorityBelowTheThresholdMakesL2LeaveAsSoonAsItIsEntered(int threshold, boolean leaves) {
        SteppedVcpu v = NestedFixture.inL1(MACHINE, "eatp");
        v.change(x -> {
            LocalApic page = x.nested().apic().page().write(ApicRegister.TASKPRI, 0x50);
            return x.with(x.nested().with(ofPage(x, page)).withField(VmcsField.TPR_THRESHOLD, threshold));
        });
        v.port().forget();

        v.execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST).stepTo(EntryPhase.IN_GUEST);

        assertEquals(leaves ? List.of(ExitReason.TPR_BELOW_THRESHOLD) : List.of(), v.exitsToL1());
        assertEquals(!leaves, v.vcpu().nested().guestMode());
    }

    @Test
    void aPriorityThatDropsBelowTheThresholdIsAnExitBehindTheWrite() {
        SteppedVcpu v = inL2("eatp");
        v.change(x -> x.with(x.vmcs().write(VmcsField.TPR_THRESHOLD, 4)));
        long rip = v.vcpu().guest().rip();

        v.execute(action("store 0x80 0x30")).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(ExitReason.TPR_BELOW_THRESHOLD), v.exitsToL1());
        assertEquals(0x30, v.vcpu().nested().apic().page().tpr());
        assertEquals(rip + 2, v.vcpu().nested().suspended().rip());
    }
}
