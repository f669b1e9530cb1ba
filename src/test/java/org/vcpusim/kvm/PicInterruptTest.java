package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.TriggerMode;

/** The PIC's interrupt on its way into the guest; vCPU 0's LVT0 is ExtINT after reset. */
class PicInterruptTest {
    private static final int VECTOR = 0x24;

    private static SteppedVcpu vcpu(Machine.Apicv apicv) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD));
        v.change(x -> x.with(x.guest().withInterruptsAtOnce()));
        return v;
    }

    private static SteppedVcpu asking(SteppedVcpu v) {
        return v.send(new Vcpu.PicOutput(1)).make(VcpuRequest.EVENT);
    }

    private static boolean wantsWindow(SteppedVcpu v) {
        return PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.isSetIn(v.vcpu().vmcs());
    }

    /** APICv delivers what is in the local APIC; what comes from the PIC is injected in any case. */
    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void thePicIsAcknowledgedAndItsVectorInjected(Machine.Apicv apicv) {
        SteppedVcpu v = asking(vcpu(apicv)).send(new Vcpu.Run(0)).stepTo(EntryPhase.AWAITING);
        assertEquals(List.of(new Vm.AcknowledgePic(0)), v.port().sentTo("vm"));

        v.send(new Vcpu.PicOutput(0)).send(new Vcpu.OperationDone(VECTOR)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(
                List.of(new Event.InterruptInjected(0, VECTOR, false)), v.port().events(Event.InterruptInjected.class));
        assertEquals(List.of(VECTOR), v.taken());
        assertTrue(v.vcpu().lapic().page().isr().isEmpty(), "no local APIC has it in service");
        assertEquals(false, wantsWindow(v));
    }

    @Test
    void itGoesBeforeWhatTheLocalApicHas() {
        SteppedVcpu v = vcpu(Machine.Apicv.INACTIVE);
        v.change(x -> x.with(x.lapic().requested(0x81, TriggerMode.EDGE)));
        asking(v).send(new Vcpu.Run(0)).stepTo(EntryPhase.AWAITING);

        v.send(new Vcpu.PicOutput(0)).send(new Vcpu.OperationDone(VECTOR)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(VECTOR), v.taken());
        assertTrue(wantsWindow(v), "the other one waits");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        lvt0    | output | asks  | reason
        0x700   | 1      | true  | ExtINT
        0x700   | 0      | false | the PIC is silent
        0x10700 | 1      | false | masked
        0x400   | 1      | false | an NMI's input
        """)
    void lvt0LetsItThrough(int lvt0, int output, boolean asks) {
        SteppedVcpu v = vcpu(Machine.Apicv.ACTIVE);
        v.change(x -> x.with(x.lapic().withPage(x.lapic().page().write(ApicRegister.LVT0, lvt0))));
        v.send(new Vcpu.PicOutput(output));

        assertEquals(asks, VcpuInjection.hasExtInt(v.vcpu()));
        assertEquals(asks, VcpuInjection.hasInjectable(v.vcpu()));
        assertEquals(asks, VcpuInjection.hasInterrupt(v.vcpu()));
        assertEquals(asks, VcpuInjection.hasEvents(v.vcpu()));
    }

    @Test
    void aGuestThatTakesNoneIsAskedForAWindow() {
        SteppedVcpu v = vcpu(Machine.Apicv.ACTIVE);
        v.change(x -> x.with(x.guest().withoutInterrupts()));

        asking(v).enterGuest();

        assertTrue(wantsWindow(v));
        assertEquals(List.of(), v.port().sentTo("vm"));
        v.execute(GuestAction.Plain.STI).execute(GuestAction.Plain.NOP).stepTo(EntryPhase.AWAITING);
        assertEquals(List.of(new Vm.AcknowledgePic(0)), v.port().sentTo("vm"));
    }

    /** L1 gets the vector with the exit where it wants that, else it finds the PIC asking. */
    @ParameterizedTest
    @CsvSource({"ea, 0x80000024", "e, 0"})
    void whereL1WantsInterruptsL2LeavesForIt(String vmcs12, String information) {
        SteppedVcpu v = NestedFixture.inL2(Fixtures.apicvActive(1), vmcs12);
        boolean acknowledges = vmcs12.contains("a");
        asking(v).send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS));

        if (acknowledges) {
            v.stepTo(EntryPhase.AWAITING).send(new Vcpu.PicOutput(0)).send(new Vcpu.OperationDone(VECTOR));
        } else {
            v.stepTo(EntryPhase.HANDLE_EXIT);
        }
        v.stepTo(EntryPhase.IN_GUEST);

        Event.NestedExitInjected exit =
                v.port().events(Event.NestedExitInjected.class).get(0);
        assertEquals(ExitReason.EXTERNAL_INTERRUPT, exit.reason());
        assertEquals((int) (long) Long.decode(information), exit.interruptionInformation());
        assertEquals(acknowledges ? List.of(VECTOR) : List.of(), v.taken());
        assertEquals(List.of(), v.port().events(Event.InterruptInjected.class));
    }

    @Test
    void inL2WithoutExitsItIsInjectedThere() {
        SteppedVcpu v = NestedFixture.interruptible(NestedFixture.inL2(Fixtures.apicvActive(1), ""));
        asking(v)
                .send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS))
                .stepTo(EntryPhase.AWAITING);

        v.send(new Vcpu.PicOutput(0)).send(new Vcpu.OperationDone(VECTOR)).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(VECTOR), v.taken());
        assertTrue(v.vcpu().nested().guestMode());
    }
}
