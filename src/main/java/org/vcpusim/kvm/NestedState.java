package org.vcpusim.kvm;

import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.PinBasedControl;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VmExitControl;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/**
 * What a vCPU keeps for a guest that is a hypervisor, L1, and runs a guest of its own, L2.
 *
 * <p>L1 writes vmcs12. KVM makes vmcs02 of it and of vmcs01, and vmcs02 is the current VMCS ({@link Vcpu#vmcs}) while L2 runs.
 * Source: {@code struct nested_vmx}, arch/x86/kvm/vmx/vmx.h; {@code HF_GUEST_MASK}.
 *
 * @param vmcs12 what L1 has written, and what nested exits have told it
 * @param apic L2's virtual-APIC page, which is L1's memory, and the interrupt status that goes with it
 * @param vmcs01 the VMCS that runs L1, put aside while L2 runs
 * @param suspended what the processor knows of the level that does not run
 * @param run how far the run of L2 is
 * @param deferrals what leaving L2 has to make up for
 * @param posting how interrupts are posted to L2
 */
public record NestedState(
        Vmcs vmcs12,
        VirtualApic apic,
        Vmcs vmcs01,
        GuestLink suspended,
        Run run,
        NestedDeferrals deferrals,
        NestedPosting posting) {
    private static final long L2_FIRST_RIP = 0xffffffffc0000000L;

    /** A guest that is no hypervisor yet. */
    public static final NestedState NONE = new NestedState(
            Vmcs.cleared(),
            new VirtualApic(LocalApic.zeroed(), 0, 0, false),
            Vmcs.cleared(),
            GuestLink.at(L2_FIRST_RIP),
            Run.L1_RUNS,
            NestedDeferrals.NONE,
            NestedPosting.NONE);

    /** How far the run of L2 is; {@code is_guest_mode}, {@code nested_run_pending}, {@code req_immediate_exit}. */
    public enum Run {
        /** vmcs01 is current. */
        L1_RUNS,
        /** As before, and at the next entry an event makes the guest leave at once. */
        L1_RUNS_EXIT_WANTED,
        /** L1 has executed VMRESUME and L2 has not been entered since: no nested exit may come in between. */
        ENTRY_PENDING,
        /** As before, and an event waits that makes L2 leave before its first instruction. */
        ENTRY_PENDING_EXIT_WANTED,
        /** L2 has been entered. */
        L2_RUNS,
        /** As before, and at the next entry an event makes L2 leave at once. */
        L2_RUNS_EXIT_WANTED;

        boolean entryPending() {
            return this == ENTRY_PENDING || this == ENTRY_PENDING_EXIT_WANTED;
        }

        boolean exitWanted() {
            return this == L1_RUNS_EXIT_WANTED || this == ENTRY_PENDING_EXIT_WANTED || this == L2_RUNS_EXIT_WANTED;
        }

        Run wantingExit() {
            return switch (this) {
                case L1_RUNS, L1_RUNS_EXIT_WANTED -> L1_RUNS_EXIT_WANTED;
                case ENTRY_PENDING, ENTRY_PENDING_EXIT_WANTED -> ENTRY_PENDING_EXIT_WANTED;
                case L2_RUNS, L2_RUNS_EXIT_WANTED -> L2_RUNS_EXIT_WANTED;
            };
        }

        Run wantingNoExit() {
            return switch (this) {
                case L1_RUNS, L1_RUNS_EXIT_WANTED -> L1_RUNS;
                case ENTRY_PENDING, ENTRY_PENDING_EXIT_WANTED -> ENTRY_PENDING;
                case L2_RUNS, L2_RUNS_EXIT_WANTED -> L2_RUNS;
            };
        }
    }

    /** Whether L2 is current; {@code is_guest_mode}. */
    public boolean guestMode() {
        return run != Run.L1_RUNS && run != Run.L1_RUNS_EXIT_WANTED;
    }

    /** Whether an interrupt for L1 makes L2 leave; {@code nested_exit_on_intr}. */
    boolean exitsOnInterrupt() {
        return PinBasedControl.EXTERNAL_INTERRUPT_EXITING.isSetIn(vmcs12);
    }

    /** Whether that exit acknowledges the interrupt; {@code nested_exit_intr_ack_set}. */
    boolean acknowledgesOnExit() {
        return VmExitControl.ACKNOWLEDGE_INTERRUPT_ON_EXIT.isSetIn(vmcs12);
    }

    /** Whether interrupts can be posted to L2: L1 has a descriptor for it; {@code nested_cpu_has_posted_intr}. */
    boolean takesPosted() {
        return PinBasedControl.PROCESS_POSTED_INTERRUPTS.isSetIn(vmcs12);
    }

    /** Whether L2 runs, and {@code vector} is what L1 notifies it by; {@code posted_intr_nv}. */
    boolean isNotification(int vector) {
        return guestMode() && takesPosted() && vmcs12.read(VmcsField.POSTED_INTR_NV) == vector;
    }

    /** Whether L2's accesses to its local APIC act on L1's: L1 virtualizes none of them. */
    boolean passesApicThrough() {
        return !SecondaryProcessorControl.VIRTUALIZE_APIC_ACCESSES.isSetIn(vmcs12)
                && !SecondaryProcessorControl.VIRTUALIZE_X2APIC_MODE.isSetIn(vmcs12);
    }

    NestedState with(Run other) {
        return other == run ? this : new NestedState(vmcs12, apic, vmcs01, suspended, other, deferrals, posting);
    }

    NestedState withVmcs12(Vmcs other) {
        return new NestedState(other, apic, vmcs01, suspended, run, deferrals, posting);
    }

    NestedState with(VirtualApic other) {
        return new NestedState(vmcs12, other, vmcs01, suspended, run, deferrals, posting);
    }

    NestedState withVmcs01(Vmcs other) {
        return new NestedState(vmcs12, apic, other, suspended, run, deferrals, posting);
    }

    NestedState withSuspended(GuestLink other) {
        return new NestedState(vmcs12, apic, vmcs01, other, run, deferrals, posting);
    }

    NestedState with(NestedDeferrals other) {
        return new NestedState(vmcs12, apic, vmcs01, suspended, run, other, posting);
    }

    NestedState with(NestedPosting other) {
        return new NestedState(vmcs12, apic, vmcs01, suspended, run, deferrals, other);
    }

    NestedState deferring(NestedDeferrals.Kind kind) {
        return with(deferrals.with(kind));
    }

    /** With a field of vmcs12 written. */
    NestedState withField(VmcsField field, long value) {
        return withVmcs12(vmcs12.write(field, value));
    }
}
