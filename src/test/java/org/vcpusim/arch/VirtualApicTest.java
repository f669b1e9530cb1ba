package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.InstructionBoundary.Blocking;
import org.vcpusim.arch.VirtualApicOutcome.Completed;
import org.vcpusim.arch.VirtualApicOutcome.VmExit;

/** The operations of the virtual APIC, one by one. */
class VirtualApicTest {

    private static final InstructionBoundary OPEN = new InstructionBoundary(true, Blocking.NONE, ActivityState.ACTIVE);
    private static final Vmcs DELIVERING = Vmcs.cleared()
            .write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x81)
            .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8020_0000L)
            .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0x301)
            .write(VmcsField.POSTED_INTR_NV, 0xf2);
    private static final VirtualApicControls CONTROLS = VirtualApicControls.of(DELIVERING);
    private static final VirtualApicControls WINDOW =
            VirtualApicControls.of(DELIVERING.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8020_0004L));
    private static final VirtualApicControls SHADOW_ONLY = VirtualApicControls.of(Vmcs.cleared()
            .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x20_0000L)
            .write(VmcsField.TPR_THRESHOLD, 5));

    private static LocalApic page(int tpr, VectorBitmap irr, VectorBitmap isr) {
        return LocalApic.zeroed().write(ApicRegister.TASKPRI, tpr).withIrr(irr).withIsr(isr);
    }

    /** A guest entered with this status over a page whose VIRR and VISR have just RVI and SVI. */
    private static VirtualApic entered(int tpr, int rvi, int svi) {
        LocalApic page = page(tpr, rvi == 0 ? VectorBitmap.EMPTY : VectorBitmap.of(rvi), VectorBitmap.EMPTY);
        page = svi == 0 ? page : page.withIsr(VectorBitmap.of(svi));
        return new VirtualApic(page, rvi, svi, false)
                .entered(CONTROLS, ActivityState.ACTIVE)
                .next();
    }

    @Test
    void theStatusIsRviInTheLowByteAndSviInTheHighByte() {
        VirtualApic apic =
                VirtualApic.of(LocalApic.zeroed(), Vmcs.cleared().write(VmcsField.GUEST_INTR_STATUS, 0x41ef));

        assertEquals(new VirtualApic(LocalApic.zeroed(), 0xef, 0x41, false), apic);
        assertEquals(0x41ef, apic.guestIntrStatus());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        tpr  | rvi  | svi  | vppr | recognized | reason
        0x00 | 0x00 | 0x00 | 0x00 | false      | nothing requested
        0x00 | 0x0f | 0x00 | 0x00 | false      | class 0 is above nothing
        0x00 | 0x10 | 0x00 | 0x00 | true       | class 1 is above class 0
        0x2f | 0x2f | 0x00 | 0x2f | false      | equal classes
        0x2f | 0x30 | 0x00 | 0x2f | true       | the low bits of VTPR do not count
        0x25 | 0x30 | 0x2f | 0x25 | true       | equal classes: VPPR is all of VTPR
        0x24 | 0x40 | 0x35 | 0x30 | true       | SVI's class is higher: VPPR is the class alone
        0x24 | 0x3f | 0x35 | 0x30 | false      | in service in the same class
        """)
    void entryVirtualizesPprAndEvaluates(int tpr, int rvi, int svi, int vppr, boolean recognized) {
        VirtualApic apic = entered(tpr, rvi, svi);

        assertEquals(vppr, apic.page().ppr());
        assertEquals(recognized, apic.recognized());
    }

    @Test
    void aRequestThatRviDoesNotNameIsNotRecognized() {
        LocalApic page = page(0, VectorBitmap.of(0x41), VectorBitmap.EMPTY);
        VirtualApic apic = new VirtualApic(page, 0, 0, false)
                .entered(CONTROLS, ActivityState.ACTIVE)
                .next();

        assertFalse(apic.recognized());
        assertEquals(Optional.empty(), apic.delivered(OPEN, CONTROLS));
    }

    @Test
    void interruptWindowExitingKeepsARequestFromBeingRecognized() {
        VirtualApic apic = new VirtualApic(page(0, VectorBitmap.of(0x41), VectorBitmap.EMPTY), 0x41, 0, false)
                .entered(WINDOW, ActivityState.ACTIVE)
                .next();

        assertFalse(apic.recognized());
    }

    @Test
    void deliveryMovesTheVectorIntoServiceAndTheNextRequestIntoRvi() {
        LocalApic page = page(0x10, VectorBitmap.of(0x31, 0x42, 0x57), VectorBitmap.of(0x33));
        VirtualApic apic = new VirtualApic(page, 0x57, 0x33, false)
                .entered(CONTROLS, ActivityState.ACTIVE)
                .next();

        VirtualApic.Delivery delivery = apic.delivered(OPEN, CONTROLS).orElseThrow();
        assertEquals(0x57, delivery.vector());
        LocalApic after = page(0x10, VectorBitmap.of(0x31, 0x42), VectorBitmap.of(0x33, 0x57))
                .write(ApicRegister.PROCPRI, 0x50);
        assertEquals(new VirtualApic(after, 0x42, 0x57, false), delivery.next());
        assertEquals(Optional.empty(), delivery.next().delivered(OPEN, CONTROLS));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        flag  | blocking | activity      | delivered | reason
        true  | NONE     | ACTIVE        | true      | nothing is in the way
        true  | NONE     | HLT           | true      | it wakes a halted processor
        false | NONE     | ACTIVE        | false     | RFLAGS.IF is 0
        false | NONE     | HLT           | false     | halted for good
        true  | STI      | ACTIVE        | false     | the instruction after STI comes first
        true  | MOV_SS   | ACTIVE        | false     | the instruction after MOV SS comes first
        true  | NONE     | SHUTDOWN      | false     | only an NMI or a reset helps
        true  | NONE     | WAIT_FOR_SIPI | false     | only a start-up IPI helps
        """)
    void deliveryNeedsAnOpenBoundary(boolean flag, Blocking blocking, ActivityState activity, boolean delivered) {
        VirtualApic apic = entered(0, 0x41, 0);

        InstructionBoundary boundary = new InstructionBoundary(flag, blocking, activity);
        assertEquals(delivered, apic.delivered(boundary, CONTROLS).isPresent());
        assertTrue(apic.delivered(OPEN, CONTROLS).isPresent(), "recognition stays");
        assertFalse(apic.delivered(OPEN, WINDOW).isPresent());
    }

    @Test
    void aVmExitEndsRecognition() {
        VirtualApic apic = entered(0, 0x41, 0);

        assertTrue(apic.recognized());
        assertEquals(new VirtualApic(apic.page(), 0x41, 0, false), apic.exited());
    }

    @Test
    void anEoiEndsSviAndEvaluatesAgain() {
        LocalApic page = page(0, VectorBitmap.of(0x38), VectorBitmap.of(0x22, 0x35));
        VirtualApic apic = new VirtualApic(page, 0x38, 0x35, false)
                .entered(CONTROLS, ActivityState.ACTIVE)
                .next();
        assertFalse(apic.recognized());

        VirtualApicStep step = apic.eoiVirtualized(CONTROLS);
        assertEquals(new Completed(0), step.outcome());
        assertTrue(step.next().recognized());
        LocalApic after = page(0, VectorBitmap.of(0x38), VectorBitmap.of(0x22)).write(ApicRegister.PROCPRI, 0x20);
        assertEquals(new VirtualApic(after, 0x38, 0x22, false), step.next().exited());
    }

    @Test
    void anEoiOfABitmappedVectorExitsWithEverythingUpdatedAndNothingEvaluated() {
        VirtualApicControls bitmapped =
                VirtualApicControls.of(DELIVERING.write(VmcsField.EOI_EXIT_BITMAP0, 1L << 0x35));
        LocalApic page = page(0, VectorBitmap.of(0x38), VectorBitmap.of(0x22, 0x35));
        VirtualApic apic = new VirtualApic(page, 0x38, 0x35, false)
                .entered(bitmapped, ActivityState.ACTIVE)
                .next();

        VirtualApicStep step = apic.eoiVirtualized(bitmapped);
        VmExit exit = new VmExit(ExitReason.EOI_INDUCED, 0x35);
        assertEquals(exit, step.outcome());
        assertTrue(exit.isTrapLike());
        LocalApic after = page(0, VectorBitmap.of(0x38), VectorBitmap.of(0x22)).write(ApicRegister.PROCPRI, 0x20);
        assertEquals(new VirtualApic(after, 0x38, 0x22, false), step.next());
    }

    @Test
    void aStaleSviEndsTheWrongVector() {
        LocalApic page = page(0, VectorBitmap.EMPTY, VectorBitmap.of(0x22, 0x35));
        VirtualApic apic = new VirtualApic(page, 0, 0x22, false);

        VirtualApic next = apic.eoiVirtualized(CONTROLS).next();
        assertEquals(VectorBitmap.of(0x35), next.page().isr());
        assertEquals(0x35, next.svi());
        VirtualApicControls bitmapped =
                VirtualApicControls.of(DELIVERING.write(VmcsField.EOI_EXIT_BITMAP0, 1L << 0x22));
        assertEquals(
                new VmExit(ExitReason.EOI_INDUCED, 0x22),
                apic.eoiVirtualized(bitmapped).outcome());
    }

    @Test
    void anEoiWithNothingInServiceEndsVector0() {
        VirtualApicControls bitmapped = VirtualApicControls.of(DELIVERING.write(VmcsField.EOI_EXIT_BITMAP0, 1));
        VirtualApic idle = entered(0, 0, 0);

        assertEquals(new VirtualApicStep(idle, new Completed(0)), idle.eoiVirtualized(CONTROLS));
        assertEquals(new VirtualApicStep(idle, new VmExit(ExitReason.EOI_INDUCED, 0)), idle.eoiVirtualized(bitmapped));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        tpr  | exits | reason
        0x4f | true  | class 4 is below 5
        0x50 | false | class 5 is not
        0xff | false |
        0x00 | true  |
        """)
    void aTprBelowTheThresholdExitsWithoutVirtualInterruptDelivery(int tpr, boolean exits) {
        VirtualApic apic = new VirtualApic(LocalApic.zeroed(), 0, 0, false).withVtpr(tpr);

        VirtualApicOutcome expected = exits ? new VmExit(ExitReason.TPR_BELOW_THRESHOLD, 0) : new Completed(0);
        assertEquals(new VirtualApicStep(apic, expected), apic.tprVirtualized(SHADOW_ONLY));
    }

    @Test
    void loweringTheTprRecognizesARequestWithVirtualInterruptDelivery() {
        VirtualApic masked = entered(0x50, 0x57, 0);
        assertFalse(masked.recognized());

        VirtualApicStep step = Cr8Virtualization.write(masked, 4, CONTROLS);
        assertEquals(new Completed(0), step.outcome());
        assertEquals(0x40, step.next().page().ppr());
        assertTrue(step.next().recognized());
        assertFalse(Cr8Virtualization.write(step.next(), 5, CONTROLS).next().recognized());
    }

    @ParameterizedTest
    @EnumSource
    void aThresholdAboveTheTprExitsAtOnceWhereApicAccessesAreVirtualized(ActivityState activity) {
        Vmcs vmcs = Vmcs.cleared()
                .write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x8020_0000L)
                .write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0x1)
                .write(VmcsField.TPR_THRESHOLD, 5);
        VirtualApic apic = new VirtualApic(LocalApic.zeroed().write(ApicRegister.TASKPRI, 0x12345645), 0, 0, false);

        VirtualApicStep step = apic.entered(VirtualApicControls.of(vmcs), activity);
        boolean exits = activity == ActivityState.ACTIVE || activity == ActivityState.HLT;
        assertEquals(exits ? new VmExit(ExitReason.TPR_BELOW_THRESHOLD, 0) : new Completed(0), step.outcome());
        assertEquals(0x45, step.next().page().tpr());
        assertEquals(
                new Completed(0),
                apic.entered(SHADOW_ONLY, ActivityState.ACTIVE).outcome());
    }

    @Test
    void postedInterruptsAreMergedAndRviRisesToTheHighest() {
        VirtualApic apic = entered(0, 0x41, 0x45);

        VirtualApic next = apic.postedInterruptsProcessed(VectorBitmap.of(0x31, 0x66), CONTROLS);
        assertEquals(VectorBitmap.of(0x31, 0x41, 0x66), next.page().irr());
        assertEquals(0x66, next.rvi());
        assertTrue(next.recognized());
        VirtualApic lower = apic.postedInterruptsProcessed(VectorBitmap.of(0x31), CONTROLS);
        assertEquals(VectorBitmap.of(0x31, 0x41), lower.page().irr());
        assertEquals(0x41, lower.rvi());
        assertFalse(lower.recognized());
        assertEquals(apic, apic.postedInterruptsProcessed(VectorBitmap.EMPTY, CONTROLS));
    }

    @ParameterizedTest
    @EnumSource
    void onlyTheExitsThatFollowACompletedOperationAreTrapLike(ExitReason reason) {
        boolean trapLike = List.of(43, 45, 56).contains(reason.number());
        assertEquals(trapLike, new VmExit(reason, 0).isTrapLike());
    }

    @Test
    void onlyTheNotificationVectorStartsPostedInterruptProcessing() {
        assertTrue(CONTROLS.notifies(0xf2));
        assertFalse(CONTROLS.notifies(0xf1));
        assertFalse(VirtualApicControls.of(DELIVERING.write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 1))
                .notifies(0xf2));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        rflags | info | activity | flag  | blocking | state
        0x002  | 0x0  | 0        | false | NONE     | ACTIVE
        0x202  | 0x0  | 1        | true  | NONE     | HLT
        0x202  | 0x1  | 0        | true  | STI      | ACTIVE
        0xdff  | 0x2  | 2        | false | MOV_SS   | SHUTDOWN
        0x200  | 0x8  | 3        | true  | NONE     | WAIT_FOR_SIPI
        """)
    void theBoundaryOfAnEntryIsTheGuestState(
            long rflags, long info, long activity, boolean flag, Blocking blocking, ActivityState state) {
        Vmcs vmcs = Vmcs.cleared()
                .write(VmcsField.GUEST_RFLAGS, rflags)
                .write(VmcsField.GUEST_INTERRUPTIBILITY_INFO, info)
                .write(VmcsField.GUEST_ACTIVITY_STATE, activity);

        assertEquals(new InstructionBoundary(flag, blocking, state), InstructionBoundary.of(vmcs));
    }

    @Test
    void aHigherClassPostedDuringAHandlerInterruptsItAndAnEqualOneWaits() {
        VirtualApic handler = deliver(0x41, entered(0, 0x41, 0));

        VirtualApic equal = handler.postedInterruptsProcessed(VectorBitmap.of(0x4f), CONTROLS);
        assertEquals(Optional.empty(), equal.delivered(OPEN, CONTROLS));
        VirtualApic nested = deliver(0x50, equal.postedInterruptsProcessed(VectorBitmap.of(0x50), CONTROLS));
        assertEquals(0x504f, nested.guestIntrStatus());
        VirtualApic back = nested.eoiVirtualized(CONTROLS).next();
        assertEquals(0x414f, back.guestIntrStatus());
        assertEquals(Optional.empty(), back.delivered(OPEN, CONTROLS));
        deliver(0x4f, back.eoiVirtualized(CONTROLS).next());
    }

    @Test
    void aStatusThatAgreesWithThePageGoesOnAgreeing() {
        SplittableRandom random = new SplittableRandom(7);
        VirtualApic apic = entered(0, 0, 0);
        int delivered = 0;
        for (int step = 0; step < 100_000; step++) {
            int vector = 16 + random.nextInt(240);
            VirtualApic before = apic;
            switch (random.nextInt(5)) {
                case 0 -> apic = apic.selfIpiVirtualized(vector, CONTROLS);
                case 1 -> apic = apic.postedInterruptsProcessed(VectorBitmap.of(vector, vector ^ 0xf), CONTROLS);
                case 2 ->
                    apic = apic.withVtpr(vector & 0x7f).tprVirtualized(CONTROLS).next();
                case 3 -> apic = apic.eoiVirtualized(CONTROLS).next();
                default -> {
                    apic = apic.delivered(OPEN, CONTROLS)
                            .map(VirtualApic.Delivery::next)
                            .orElse(before);
                    delivered += apic.equals(before) ? 0 : 1;
                }
            }
            assertEquals(Math.max(apic.page().irr().highest(), 0), apic.rvi());
            assertEquals(Math.max(apic.page().isr().highest(), 0), apic.svi());
        }
        assertTrue(delivered > 1_000, () -> "too few deliveries to say anything");
    }

    private static VirtualApic deliver(int vector, VirtualApic apic) {
        VirtualApic.Delivery delivery = apic.delivered(OPEN, CONTROLS).orElseThrow();
        assertEquals(vector, delivery.vector());
        return delivery.next();
    }
}
