package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.Machine.Apicv;
import org.vcpusim.kvm.Machine.TaskPriority;

/** How KVM hears of a lower task priority: by a threshold, or by intercepting writes of CR8. */
class TaskPrioritySyncTest {
    private static Vcpu vcpu(TaskPriority keeper, Apicv apicv, Lapic lapic) {
        Machine machine = new Machine(1, Protocol.SCAN_THEN_LOAD, apicv, 0, 0, keeper, List.of(), 0);
        Vcpu created = SteppedVcpu.of(machine, lapic).vcpu();
        return created.with(intercepting(created.vmcs(), false));
    }

    private static Lapic lapic(int requested, int tpr) {
        Lapic enabled = Fixtures.enabledLapic(0).withTpr(tpr);
        return requested == 0 ? enabled : enabled.requested(requested, TriggerMode.EDGE);
    }

    private static long threshold(Vcpu v) {
        return v.vmcs().read(VmcsField.TPR_THRESHOLD);
    }

    private static boolean intercepts(Vcpu v) {
        return PrimaryProcessorControl.CR8_LOAD_EXITING.isSetIn(v.vmcs());
    }

    private static Vmcs intercepting(Vmcs vmcs, boolean on) {
        return VmcsSetup.withBits(
                vmcs, VmcsField.CPU_BASED_VM_EXEC_CONTROL, PrimaryProcessorControl.CR8_LOAD_EXITING.mask(), on);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        requested | tpr  | held  | reason
        0x61      | 0x60 | true  | the same class
        0x61      | 0x6f | true  | the same class
        0x61      | 0x70 | true  | a higher one
        0x61      | 0x5f | false | a lower one: nothing to wait for
        0         | 0x70 | false | nothing is requested
        0x01      | 0x00 | true  | class 0 is never above
        """)
    void aPriorityThatHoldsARequestBackIsWatched(int requested, int tpr, boolean held) {
        Vcpu shadow = vcpu(TaskPriority.TPR_SHADOW, Apicv.INACTIVE, lapic(requested, tpr));
        Vcpu before = shadow.with(shadow.vmcs().write(VmcsField.TPR_THRESHOLD, 9));
        assertEquals(held ? requested >> 4 : 0, threshold(TaskPrioritySync.updateIntercept(before)));

        Vcpu cr8 = vcpu(TaskPriority.VIRTUAL_CR8, Apicv.INACTIVE, lapic(requested, tpr));
        assertEquals(held, intercepts(TaskPrioritySync.updateIntercept(cr8)));
        Vcpu was = cr8.with(intercepting(cr8.vmcs(), true));
        assertEquals(held, intercepts(TaskPrioritySync.updateIntercept(was)));
    }

    @Test
    void withApicvOrWithoutALocalApicNobodyWatches() {
        Vcpu apicv = vcpu(TaskPriority.TPR_SHADOW, Apicv.ACTIVE, lapic(0x61, 0x70));
        assertSame(apicv, TaskPrioritySync.updateIntercept(apicv));

        Vcpu disabled =
                vcpu(TaskPriority.TPR_SHADOW, Apicv.INACTIVE, lapic(0x61, 0x70).withApicBase(Lapic.DEFAULT_PAGE));
        assertSame(disabled, TaskPrioritySync.updateIntercept(disabled));
    }

    @ParameterizedTest
    @CsvSource({"VIRTUAL_CR8, false, true", "VIRTUAL_CR8, true, false", "TPR_SHADOW, false, false"})
    void afterAResetWritesOfCr8AreIntercepted(TaskPriority keeper, boolean apicv, boolean intercepted) {
        Vcpu v = vcpu(keeper, Apicv.INACTIVE, lapic(0, 0));

        Vmcs reset = TaskPrioritySync.reset(v.machine(), apicv, v.vmcs());

        assertEquals(intercepted, PrimaryProcessorControl.CR8_LOAD_EXITING.isSetIn(reset));
    }

    /** {@code sync_cr8_to_lapic}: CR8 has bits 7:4 only. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        keeper      | apicv    | intercepts | tpr  | after | reason
        VIRTUAL_CR8 | INACTIVE | false      | 0x35 | 0x30  | the low four are lost
        VIRTUAL_CR8 | INACTIVE | false      | 0x30 | 0x30  | there are none
        VIRTUAL_CR8 | INACTIVE | true       | 0x35 | 0x35  | KVM keeps the register
        VIRTUAL_CR8 | ACTIVE   | false      | 0x35 | 0x35  | the processor keeps the page
        TPR_SHADOW  | INACTIVE | false      | 0x35 | 0x35  | the shadow has all eight
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void whatAnExitLeavesOfThePriority(
            TaskPriority keeper, Apicv apicv, boolean intercepts, int tpr, int after, String reason) {
        RecordingPort port = new RecordingPort();
        Vcpu v = vcpu(keeper, apicv, lapic(0, tpr));

        Vcpu synced = TaskPrioritySync.fromProcessor(v.with(intercepting(v.vmcs(), intercepts)), port);

        assertEquals(after, synced.lapic().page().tpr(), reason);
        assertEquals(
                after == tpr ? List.of() : List.of(new Event.TaskPriorityChanged(0, after)),
                port.events(Event.TaskPriorityChanged.class));
        assertEquals(false, synced.requests().test(VcpuRequest.EVENT));
    }

    @ParameterizedTest
    @CsvSource({"0x41, true", "0x31, false"})
    void aLowerPriorityAsksForWhatIsDeliverable(int requested, boolean asks) {
        Vcpu v = vcpu(TaskPriority.VIRTUAL_CR8, Apicv.INACTIVE, lapic(requested, 0x35));

        Vcpu synced = TaskPrioritySync.fromProcessor(v, new RecordingPort());

        assertEquals(asks, synced.requests().test(VcpuRequest.EVENT));
    }
}
