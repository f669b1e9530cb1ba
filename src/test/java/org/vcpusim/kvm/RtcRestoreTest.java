package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who owes pin 8 an EOI is not saved: it is worked out from the local APICs. */
class RtcRestoreTest {
    private static final int VECTOR = 0x28;

    private static RtcTracking owed(int... vcpus) {
        RtcTracking tracking = RtcTracking.NONE;
        for (int vcpu : vcpus) {
            tracking = tracking.accepted(vcpu, VECTOR);
        }
        return tracking.withPendingEois(vcpus.length);
    }

    /** {@code __rtc_irq_eoi_tracking_restore_one}. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        was   | pending | is    | reason
        false | YES     | true  | it owes one now
        false | NO      | false | nothing changes
        true  | YES     | true  | nothing changes
        true  | NO      | false | it owes none any more
        """)
    void aRestoredLocalApicOwesWhatItHas(boolean was, RtcTracking.Pending pending, boolean is) {
        RtcTracking before = was ? owed(0, 1) : owed(0);

        assertEquals(is ? owed(0, 1) : owed(0), before.restored(1, VECTOR, pending));
    }

    private static AnsweredVm vm(int destination) {
        return AnsweredVm.with(
                Fixtures.apicvActive(2), Ioapic.reset().withEntry(Ioapic.RTC_PIN, Fixtures.edge(VECTOR, destination)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        destination | has   | owes  | reason
        1           | true  | true  | the vector is requested or in service
        1           | false | false | it is not
        0           | true  | false | another vCPU's
        """)
    void afterKvmSetLapicTheVcpuIsLookedAt(int destination, boolean has, boolean owes) {
        AnsweredVm vm = vm(destination);
        if (has) {
            vm.owingEois();
        }

        vm.send(new Vm.RestoreApic(Fixtures.enabledLapic(1).identity()));

        assertEquals(owes ? owed(1) : RtcTracking.NONE, vm.ioapic().rtc());
        assertEquals(
                owes ? List.of(new Event.RtcTracked(owed(1))) : List.of(),
                vm.port().events(Event.RtcTracked.class));
        assertEquals(1, vm.takeAnswers().size());
    }

    @Test
    void afterKvmSetIrqchipEveryVcpuIsLookedAt() {
        AnsweredVm vm = vm(0xff).owingEois();
        IoapicState state = IoapicState.of(vm.vm().machine(), vm.ioapic());

        vm.send(new Vm.SetIoapic(state));

        assertEquals(owed(0, 1), vm.ioapic().rtc());
        assertEquals(List.of(new Event.IoapicStateRestored(0)), vm.port().events(Event.IoapicStateRestored.class));
        assertEquals(
                List.of(new Event.IoapicTableSet(state.entries())), vm.port().events(Event.IoapicTableSet.class));
    }
}
