package org.vcpusim.kvm;

import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.PrimaryProcessorControl;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmExitControl;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.GuestAction.PlainVmx;

/** vCPUs whose guest is a hypervisor. */
final class NestedFixture {
    /** L2's EOI-exit bitmap, which no scan of a test gives. */
    static final VectorBitmap OF_L1 = VectorBitmap.of(0x99);

    private NestedFixture() {}

    /**
     * What L1 has asked for, a letter each: e external-interrupt exiting, a acknowledge on exit, n NMI exiting, h HLT exiting, t
     * TPR shadow, x x2APIC mode, p APIC accesses, r APIC-register virtualization, d virtual-interrupt delivery, i posted
     * interrupts, w interrupt-window exiting.
     */
    static Vmcs vmcs12(String letters) {
        Vmcs v = VmcsSetup.loaded(Vmcs.cleared(), OF_L1);
        for (int i = 0; i < letters.length(); i++) {
            char c = letters.charAt(i);
            v = switch (c) {
                case 'e' ->
                    with(v, VmcsField.PIN_BASED_VM_EXEC_CONTROL, PinBasedControl.EXTERNAL_INTERRUPT_EXITING.mask());
                case 'n' -> with(v, VmcsField.PIN_BASED_VM_EXEC_CONTROL, PinBasedControl.NMI_EXITING.mask());
                case 'i' ->
                    with(v, VmcsField.PIN_BASED_VM_EXEC_CONTROL, PinBasedControl.PROCESS_POSTED_INTERRUPTS.mask());
                case 'a' -> with(v, VmcsField.VM_EXIT_CONTROLS, VmExitControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT.mask());
                case 'h' -> with(v, VmcsField.CPU_BASED_VM_EXEC_CONTROL, PrimaryProcessorControl.HLT_EXITING.mask());
                case 't' -> with(v, VmcsField.CPU_BASED_VM_EXEC_CONTROL, PrimaryProcessorControl.USE_TPR_SHADOW.mask());
                case 'w' ->
                    with(
                            v,
                            VmcsField.CPU_BASED_VM_EXEC_CONTROL,
                            PrimaryProcessorControl.INTERRUPT_WINDOW_EXITING.mask());
                case 'p' -> secondary(v, SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES);
                case 'x' -> secondary(v, SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE);
                case 'r' -> secondary(v, SecondaryProcessorControl.APIC_REGISTER_VIRTUALIZATION);
                case 'd' -> secondary(v, SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY);
                default -> throw new IllegalArgumentException(letters);
            };
        }
        return v;
    }

    private static Vmcs secondary(Vmcs v, SecondaryProcessorControl control) {
        Vmcs on = with(v, VmcsField.SECONDARY_VM_EXEC_CONTROL, control.mask());
        return with(
                on, VmcsField.CPU_BASED_VM_EXEC_CONTROL, PrimaryProcessorControl.ACTIVATE_SECONDARY_CONTROLS.mask());
    }

    private static Vmcs with(Vmcs v, VmcsField field, long mask) {
        return VmcsSetup.withBits(v, field, mask, true);
    }

    /** L1 before its first instruction, with this vmcs12. */
    static SteppedVcpu inL1(Machine machine, String letters) {
        SteppedVcpu v = SteppedVcpu.of(machine).enterGuest();
        return v.change(x -> x.with(x.nested().withVmcs12(vmcs12(letters))));
    }

    /** L2 before its first instruction; what came before is forgotten. */
    static SteppedVcpu inL2(Machine machine, String letters) {
        SteppedVcpu v = inL1(machine, letters).execute(PlainVmx.VMRESUME).stepTo(EntryPhase.IN_GUEST);
        v.port().forget();
        return v;
    }

    /** An interrupt arrives at the local APIC, and its sender kicks the vCPU. */
    static SteppedVcpu interrupted(SteppedVcpu v, int vector) {
        v.change(x -> x.with(x.lapic().requested(vector, TriggerMode.EDGE))).make(VcpuRequest.EVENT);
        return kicked(v);
    }

    /** Somebody sends a rescheduling IPI, and the vCPU goes once round the loop. */
    static SteppedVcpu kicked(SteppedVcpu v) {
        return v.send(new Vcpu.HostIpi(Event.HostVector.RESCHEDULE, Vcpu.HostIpi.NOBODY_WAITS))
                .stepTo(EntryPhase.HANDLE_EXIT)
                .stepTo(EntryPhase.IN_GUEST);
    }

    /** L2 calls L1, which is entered. */
    static SteppedVcpu called(SteppedVcpu v) {
        return v.execute(PlainVmx.VMCALL).stepTo(EntryPhase.IN_GUEST);
    }

    /** Interrupts are on, and no longer blocked by STI. */
    static SteppedVcpu interruptible(SteppedVcpu v) {
        return v.execute(Plain.STI).execute(Plain.NOP);
    }
}
