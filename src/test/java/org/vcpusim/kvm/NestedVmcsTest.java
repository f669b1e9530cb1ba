package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/** vmcs02, and whose an exit is. */
class NestedVmcsTest {
    private static final Vmcs VMCS01 = VmcsSetup.loaded(
            Vcpu.created(Fixtures.apicvActive(1), Fixtures.enabledLapic(0), java.util.Optional.empty())
                    .vmcs(),
            VectorBitmap.of(0x31));

    /** The controls of vmcs01 are 0xa9, 0x80200080, 0x301 and 0x8000. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | pin  | primary    | secondary | reason
        ''     | 0x29 | 0x80180080 | 0x000     | KVM's own exits, and CR8's since nobody keeps a TPR
        e      | 0x29 | 0x80180080 | 0x000     | KVM has external-interrupt exiting on anyhow
        h      | 0x29 | 0x80180080 | 0x000     | and HLT exiting
        t      | 0x29 | 0x80200080 | 0x000     | L1 keeps a TPR for L2
        w      | 0x29 | 0x80180084 | 0x000     | L1's interrupt window
        etp    | 0x29 | 0x80200080 | 0x001     | L1 virtualizes APIC accesses
        etxrd  | 0x29 | 0x80200080 | 0x310     | L1 gives L2 an x2APIC
        eatxdi | 0xa9 | 0x80200080 | 0x210     | with posted interrupts
        """)
    void itsControlsAreKvmsOwnAndForTheApicThoseOfL1(
            String vmcs12, String pin, String primary, String secondary, String why) {
        Vmcs vmcs02 = NestedVmcs.prepared(VMCS01, NestedFixture.vmcs12(vmcs12));

        assertEquals(Long.decode(pin), vmcs02.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL), why);
        assertEquals(Long.decode(primary), vmcs02.read(VmcsField.CPU_BASED_VM_EXEC_CONTROL));
        assertEquals(Long.decode(secondary), vmcs02.read(VmcsField.SECONDARY_VM_EXEC_CONTROL));
        assertEquals(0x8000, vmcs02.read(VmcsField.VM_EXIT_CONTROLS));
        assertEquals(NestedFixture.OF_L1, vmcs02.eoiExitBitmap());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | reason             | l1
        ''     | EXTERNAL_INTERRUPT | false
        ea     | EXTERNAL_INTERRUPT | false
        ea     | PREEMPTION_TIMER   | false
        ea     | EPT_MISCONFIG      | false
        ea     | IO_INSTRUCTION     | false
        ea     | NMI_WINDOW         | false
        ''     | HLT                | false
        h      | HLT                | true
        ''     | INTERRUPT_WINDOW   | false
        w      | INTERRUPT_WINDOW   | true
        ''     | TPR_BELOW_THRESHOLD | false
        t      | TPR_BELOW_THRESHOLD | true
        ''     | APIC_ACCESS        | true
        ''     | EOI_INDUCED        | true
        ''     | APIC_WRITE         | true
        ''     | VMCALL             | true
        ''     | VMRESUME           | true
        ''     | VMWRITE            | true
        """)
    void anExitIsL1sIfL1HasAskedForIt(String vmcs12, ExitReason reason, boolean l1) {
        NestedState n = NestedState.NONE.withVmcs12(NestedFixture.vmcs12(vmcs12));

        assertEquals(l1, NestedExits.isForL1(n, GuestExit.of(reason)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        vmcs12 | msr   | l1    | reason
        e      | 0x80b | false | L1's own APIC is passed through
        e      | 0x1b  | false | and its base
        etx    | 0x80b | true  | L2 has an x2APIC of its own
        etp    | 0x80b | true  | or an xAPIC of its own
        etx    | 0x1b  | true  | with a base of its own
        etx    | 0x10  | false | another MSR
        """)
    void anMsrOfTheApicIsL1sWhereL2HasOneOfItsOwn(String vmcs12, String msr, boolean l1, String why) {
        NestedState n = NestedState.NONE.withVmcs12(NestedFixture.vmcs12(vmcs12));
        int number = Integer.decode(msr);

        GuestExit read = GuestExit.of(ExitReason.MSR_READ, new GuestAction.Rdmsr(number));
        GuestExit write = GuestExit.of(ExitReason.MSR_WRITE, new GuestAction.Wrmsr(number, 0));
        assertEquals(l1, NestedExits.isForL1(n, read), why);
        assertEquals(l1, NestedExits.isForL1(n, write), why);
    }

    @Test
    void notificationsForL2HaveAHostVectorOfTheirOwn() {
        Vmcs vmcs12 = NestedFixture.vmcs12("eatxdi").write(VmcsField.POSTED_INTR_NV, 0x55);

        assertEquals(0xf0, NestedVmcs.prepared(VMCS01, vmcs12).read(VmcsField.POSTED_INTR_NV));
    }
}
