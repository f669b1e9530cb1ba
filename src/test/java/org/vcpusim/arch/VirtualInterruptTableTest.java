package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.BitSet;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.vcpusim.arch.InstructionBoundary.Blocking;
import org.vcpusim.arch.VirtualApicOutcome.Completed;
import org.vcpusim.arch.VirtualApicOutcome.VmExit;

/**
 * Every vector that an operating system can use against every task priority, and every pair of them.
 *
 * <p>What is expected is worked out from vector and priority alone: an interrupt of class c = v / 16 is delivered if c is
 * above the class of TPR and of what is in service. The registers are read where the SDM has them in the page.
 */
class VirtualInterruptTableTest {

    private static final int FIRST = 0x21;
    private static final int LAST = 0xff;
    private static final int SELF = 1 << 18;
    private static final int NOTIFICATION = 0xf2;

    private static final Vmcs VMCS = Vmcs.cleared()
            .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x81)
            .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8020_0000L)
            .write(VmcsField.VM_EXIT_CONTROLS, 0x8000)
            .write(VmcsField.POSTED_INTR_NV, NOTIFICATION);
    /** Memory-mapped: virtualize APIC accesses, APIC-register virtualization, virtual-interrupt delivery. */
    private static final Vmcs XAPIC = VMCS.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0x301);
    /** MSRs: virtualize x2APIC mode, APIC-register virtualization, virtual-interrupt delivery. */
    private static final Vmcs X2APIC = VMCS.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0x310);

    private static final VirtualApicControls CONTROLS = VirtualApicControls.of(XAPIC);
    private static final VirtualApicControls MSR_CONTROLS = VirtualApicControls.of(X2APIC);
    private static final InstructionBoundary RUNNING =
            new InstructionBoundary(true, Blocking.NONE, ActivityState.ACTIVE);
    private static final InstructionBoundary HALTED = new InstructionBoundary(true, Blocking.NONE, ActivityState.HLT);

    @Test
    void aVectorIsDeliveredIfItsClassIsAboveThatOfTheTaskPriority() {
        CaseCount cases = new CaseCount("delivered iff class(v) > class(TPR)");
        int delivered = 0;
        for (int vector = FIRST; vector <= LAST; vector++) {
            for (int tpr = 0; tpr < 256; tpr++) {
                delivered += check(vector, tpr, entered(page(tpr, vector), vector, XAPIC));
                cases.add();
                delivered += check(vector, tpr & 0xf0, writeCr8(0xf0 | tpr & 0xf, vector, tpr >> 4));
                cases.add();
            }
            delivered += check(vector, 0, selfIpi(vector));
            cases.add();
        }
        cases.assertTotal(223 * 256 * 2 + 223);
        assertEquals(114_399, cases.cases());
        // a vector of class c is above the 16 c priorities of the classes below
        int lower = IntStream.rangeClosed(FIRST, LAST).map(v -> 16 * (v / 16)).sum();
        assertEquals(2 * lower + 223, delivered);
    }

    @Test
    void itDoesNotMatterHowTheGuestWritesTheTaskPriority() {
        CaseCount cases =
                new CaseCount("delivered iff class(v) > class(TPR), TPR written at offset 0x80 and MSR 0x808");
        for (int vector = FIRST; vector <= LAST; vector++) {
            VirtualApic masked = entered(page(0xff, vector), vector, XAPIC);
            for (int tpr = 0; tpr < 256; tpr++) {
                VirtualApicStep page = ApicPageVirtualization.write(
                        masked, new ApicPageAccess(ApicAccessType.LINEAR_WRITE, 0x80, 4), tpr, CONTROLS);
                check(vector, tpr, done(page));
                cases.add();
                VirtualApicStep msr = ApicMsrVirtualization.wrmsr(
                        masked, new MsrWrite(0x808, tpr), MsrIntercept.PASSED_THROUGH, MSR_CONTROLS);
                check(vector, tpr, done(msr));
                cases.add();
            }
        }
        cases.assertTotal(223 * 256 * 2);
    }

    @Test
    void ofTwoPendingVectorsTheHigherRunsFirstAndTheBitmapDecidesAboutExits() {
        CaseCount cases = new CaseCount("two pending vectors, EOI-exit bitmap all zeros and all ones");
        int exits = 0;
        for (int high = FIRST; high <= LAST; high++) {
            for (int low = FIRST; low < high; low++) {
                for (long bits = -1; bits <= 0; bits++) {
                    exits += runBoth(low, high, bits);
                    cases.add();
                }
            }
        }
        cases.assertTotal(223 * 222 / 2 * 2);
        assertEquals(49_506, cases.cases());
        assertEquals(2 * 24_753, exits);
    }

    @Test
    void aPostedVectorIsServicedIfItsClassIsAboveThatOfTheTaskPriorityRunningOrHalted() {
        CaseCount notServiced = new CaseCount("posted, not serviced");
        CaseCount running = new CaseCount("posted, serviced running");
        CaseCount halted = new CaseCount("posted, serviced halted");
        for (int vector = 33; vector <= 255; vector++) {
            for (int tprClass = 0; tprClass < 16; tprClass++) {
                VirtualApic posted = post(vector, tprClass << 4);
                boolean serviced = vector >> 4 > tprClass;
                assertEquals(serviced ? 1 : 0, check(vector, tprClass << 4, posted, RUNNING));
                assertEquals(serviced ? 1 : 0, check(vector, tprClass << 4, posted, HALTED));
                (serviced ? running : notServiced).add();
                if (serviced) {
                    halted.add();
                }
            }
        }
        notServiced.assertTotal(1_666);
        running.assertTotal(1_902);
        halted.assertTotal(1_902);
    }

    /** The guest lowers or raises its priority with a vector pending that no priority of class 15 lets through. */
    private static VirtualApic writeCr8(int before, int vector, int cr8) {
        VirtualApic masked = entered(page(before, vector), vector, XAPIC);
        assertEquals(Optional.empty(), masked.delivered(RUNNING, CONTROLS));
        VirtualApic after = done(Cr8Virtualization.write(masked, cr8, CONTROLS));
        assertEquals(new Completed(cr8), Cr8Virtualization.read(after, CONTROLS).outcome());
        return after;
    }

    private static VirtualApic selfIpi(int vector) {
        VirtualApic idle = entered(LocalApic.zeroed(), 0, XAPIC);
        VirtualApic sent = done(ApicPageVirtualization.write(
                idle, new ApicPageAccess(ApicAccessType.LINEAR_WRITE, 0x300, 4), SELF | vector, CONTROLS));
        assertEquals(SELF | vector, sent.page().read(0x300));
        VirtualApic cleared = new VirtualApic(sent.page().write(0x300, 0), sent.rvi(), sent.svi(), sent.recognized());
        VirtualApic byMsr = done(ApicMsrVirtualization.wrmsr(
                idle, new MsrWrite(0x83f, vector), MsrIntercept.PASSED_THROUGH, MSR_CONTROLS));
        assertEquals(vector, byMsr.page().read(0x3f0));
        assertEquals(
                cleared, new VirtualApic(byMsr.page().write(0x3f0, 0), byMsr.rvi(), byMsr.svi(), byMsr.recognized()));
        return cleared;
    }

    /** Another CPU posts, the notification arrives; the guest does not leave. */
    private static VirtualApic post(int vector, int tpr) {
        VirtualApic idle = entered(LocalApic.zeroed().write(0x80, tpr), 0, XAPIC);
        PostedInterruptDescriptor descriptor = PostedInterruptDescriptor.ZERO
                .testAndSetPir(vector)
                .next()
                .testAndSetOn()
                .next();
        assertTrue(CONTROLS.notifies(NOTIFICATION));
        PostedInterruptDescriptor.Taken taken = descriptor.clearOn().exchangePir();
        assertEquals(PostedInterruptDescriptor.ZERO, taken.next());
        return idle.postedInterruptsProcessed(taken.taken(), CONTROLS);
    }

    /** Both handlers, each to its EOI; returns how many VM exits there were. */
    private static int runBoth(int low, int high, long bits) {
        Vmcs vmcs = XAPIC.write(VmcsField.EOI_EXIT_BITMAP0, bits)
                .write(VmcsField.EOI_EXIT_BITMAP1, bits)
                .write(VmcsField.EOI_EXIT_BITMAP2, bits)
                .write(VmcsField.EOI_EXIT_BITMAP3, bits);
        VirtualApicControls controls = VirtualApicControls.of(vmcs);
        VirtualApic apic = entered(page(0, low, high), high, vmcs);

        VirtualApic first = deliver(high, apic, controls);
        assertRegisters(bitsOf(low), bitsOf(high), high & 0xf0, first);
        assertEquals(high << 8 | low, first.guestIntrStatus());
        assertEquals(Optional.empty(), first.delivered(RUNNING, controls));
        VirtualApic between = eoi(high, first, vmcs);
        assertRegisters(bitsOf(low), new BitSet(), 0, between);

        VirtualApic second = deliver(low, between, controls);
        assertRegisters(new BitSet(), bitsOf(low), low & 0xf0, second);
        assertEquals(low << 8, second.guestIntrStatus());
        VirtualApic end = eoi(low, second, vmcs);
        assertRegisters(new BitSet(), new BitSet(), 0, end);
        assertEquals(Optional.empty(), end.delivered(RUNNING, controls));
        return bits == 0 ? 0 : 2;
    }

    /** The guest's EOI; where that exits, the state has changed already, and an entry follows. */
    private static VirtualApic eoi(int vector, VirtualApic before, Vmcs vmcs) {
        VirtualApicControls controls = VirtualApicControls.of(vmcs);
        VirtualApicStep step = ApicPageVirtualization.write(
                before, new ApicPageAccess(ApicAccessType.LINEAR_WRITE, 0xb0, 4), 0, controls);
        if (vmcs.read(VmcsField.EOI_EXIT_BITMAP0) == 0) {
            return done(step);
        }
        assertEquals(new VmExit(ExitReason.EOI_INDUCED, vector), step.outcome());
        VirtualApic exited = step.next();
        assertEquals(false, exited.recognized());
        assertRegisters(bank(before.page(), 0x200), new BitSet(), 0, exited);
        assertEquals(before.rvi(), exited.guestIntrStatus());
        return done(exited.exited().entered(controls, ActivityState.ACTIVE));
    }

    private static VirtualApic deliver(int vector, VirtualApic apic, VirtualApicControls controls) {
        VirtualApic.Delivery delivery = apic.delivered(RUNNING, controls).orElseThrow();
        assertEquals(vector, delivery.vector());
        return delivery.next();
    }

    private static int check(int vector, int tpr, VirtualApic apic) {
        return check(vector, tpr, apic, RUNNING);
    }

    /** With {@code vector} alone requested: 1 if it is delivered, and everything is as it has to be then. */
    private static int check(int vector, int tpr, VirtualApic apic, InstructionBoundary boundary) {
        boolean expected = vector / 16 > tpr / 16;
        assertRegisters(bitsOf(vector), new BitSet(), tpr, apic);
        Optional<VirtualApic.Delivery> delivery = apic.delivered(boundary, CONTROLS);
        assertEquals(expected, delivery.isPresent(), () -> "vector " + vector + " TPR " + tpr);
        if (!expected) {
            assertEquals(vector, apic.guestIntrStatus());
            return 0;
        }
        VirtualApic next = delivery.orElseThrow().next();
        assertEquals(vector, delivery.orElseThrow().vector());
        assertRegisters(new BitSet(), bitsOf(vector), vector / 16 * 16, next);
        assertEquals(vector << 8, next.guestIntrStatus());
        assertEquals(tpr, next.page().read(0x80));
        return 1;
    }

    private static void assertRegisters(BitSet irr, BitSet isr, int ppr, VirtualApic apic) {
        assertEquals(irr, bank(apic.page(), 0x200));
        assertEquals(isr, bank(apic.page(), 0x100));
        assertEquals(ppr, apic.page().read(0xa0));
    }

    private static VirtualApic entered(LocalApic page, int rvi, Vmcs vmcs) {
        Vmcs loaded = vmcs.write(VmcsField.GUEST_INTR_STATUS, rvi);
        return done(VirtualApic.of(page, loaded).entered(VirtualApicControls.of(loaded), ActivityState.ACTIVE));
    }

    private static VirtualApic done(VirtualApicStep step) {
        assertEquals(new Completed(0), step.outcome());
        return step.next();
    }

    private static LocalApic page(int tpr, int... requested) {
        LocalApic page = LocalApic.zeroed().write(0x80, tpr);
        for (int vector : requested) {
            int register = 0x200 + vector / 32 * 16;
            page = page.write(register, page.read(register) | 1 << vector % 32);
        }
        return page;
    }

    private static BitSet bitsOf(int vector) {
        BitSet bits = new BitSet();
        bits.set(vector);
        return bits;
    }

    private static BitSet bank(LocalApic page, int offset) {
        BitSet bits = new BitSet();
        for (int vector = 0; vector < 256; vector++) {
            bits.set(vector, (page.read(offset + vector / 32 * 16) >>> vector % 32 & 1) != 0);
        }
        return bits;
    }
}
