package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.vcpusim.arch.PrimaryProcessorControl.ACTIVATE_SECONDARY_CONTROLS;
import static org.vcpusim.arch.PrimaryProcessorControl.ACTIVATE_TERTIARY_CONTROLS;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class VmxControlTest {

    private static final Vmcs SECONDARY_ACTIVE =
            Vmcs.cleared().write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, ACTIVATE_SECONDARY_CONTROLS.mask());
    private static final Vmcs TERTIARY_ACTIVE =
            Vmcs.cleared().write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, ACTIVATE_TERTIARY_CONTROLS.mask());

    @ParameterizedTest
    @CsvSource({
        "EXTERNAL_INTERRUPT_EXITING, 0, 0x1",
        "NMI_EXITING, 3, 0x8",
        "VIRTUAL_NMIS, 5, 0x20",
        "PREEMPTION_TIMER, 6, 0x40",
        "PROCESS_POSTED_INTERRUPTS, 7, 0x80"
    })
    void aPinBasedControlIsItsBitOfItsField(PinBasedControl control, int bit, long mask) {
        assertEquals(bit, control.bit());
        assertEquals(mask, control.mask());
        assertTrue(control.isSetIn(Vmcs.cleared().write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, mask)));
        assertFalse(control.isSetIn(Vmcs.cleared().write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0xffff_ffffL & ~mask)));
    }

    @ParameterizedTest
    @CsvSource({
        "INTERRUPT_WINDOW_EXITING, 2, 0x4",
        "HLT_EXITING, 7, 0x80",
        "ACTIVATE_TERTIARY_CONTROLS, 17, 0x20000",
        "CR8_LOAD_EXITING, 19, 0x80000",
        "CR8_STORE_EXITING, 20, 0x100000",
        "USE_TPR_SHADOW, 21, 0x200000",
        "ACTIVATE_SECONDARY_CONTROLS, 31, 0x80000000"
    })
    void aPrimaryControlIsItsBitOfItsField(PrimaryProcessorControl control, int bit, long mask) {
        assertEquals(bit, control.bit());
        assertEquals(mask, control.mask());
        assertTrue(control.isSetIn(Vmcs.cleared().write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, mask)));
        assertFalse(control.isSetIn(Vmcs.cleared().write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0xffff_ffffL & ~mask)));
    }

    @ParameterizedTest
    @CsvSource({
        "VIRTUALIZE_APIC_ACCESSES, 0, 0x1",
        "VIRTUALIZE_X2APIC_MODE, 4, 0x10",
        "APIC_REGISTER_VIRTUALIZATION, 8, 0x100",
        "VIRTUAL_INTERRUPT_DELIVERY, 9, 0x200"
    })
    void aSecondaryControlIsItsBitOfItsField(SecondaryProcessorControl control, int bit, long mask) {
        assertEquals(bit, control.bit());
        assertEquals(mask, control.mask());
        assertTrue(control.isSetIn(SECONDARY_ACTIVE.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, mask)));
        assertFalse(control.isSetIn(SECONDARY_ACTIVE.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0xffff_ffffL & ~mask)));
    }

    @ParameterizedTest
    @EnumSource
    void aSecondaryControlIsZeroUnlessTheSecondaryControlsAreActivated(SecondaryProcessorControl control) {
        Vmcs inactive = TERTIARY_ACTIVE.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, 0xffff_ffffL);
        assertFalse(control.isSetIn(inactive));
    }

    @ParameterizedTest
    @CsvSource("IPI_VIRTUALIZATION, 4, 0x10")
    void aTertiaryControlIsItsBitOfItsField(TertiaryProcessorControl control, int bit, long mask) {
        assertEquals(bit, control.bit());
        assertEquals(mask, control.mask());
        assertTrue(control.isSetIn(TERTIARY_ACTIVE.write(VmcsField.TERTIARY_VM_EXEC_CONTROL, mask)));
        assertFalse(control.isSetIn(TERTIARY_ACTIVE.write(VmcsField.TERTIARY_VM_EXEC_CONTROL, ~mask)));
    }

    @ParameterizedTest
    @EnumSource
    void aTertiaryControlIsZeroUnlessTheTertiaryControlsAreActivated(TertiaryProcessorControl control) {
        Vmcs inactive = SECONDARY_ACTIVE.write(VmcsField.TERTIARY_VM_EXEC_CONTROL, -1);
        assertFalse(control.isSetIn(inactive));
    }

    @ParameterizedTest
    @CsvSource("ACKNOWLEDGE_INTERRUPT_ON_EXIT, 15, 0x8000")
    void aVmExitControlIsItsBitOfItsField(VmExitControl control, int bit, long mask) {
        assertEquals(bit, control.bit());
        assertEquals(mask, control.mask());
        assertTrue(control.isSetIn(Vmcs.cleared().write(VmcsField.VM_EXIT_CONTROLS, mask)));
        assertFalse(control.isSetIn(Vmcs.cleared().write(VmcsField.VM_EXIT_CONTROLS, 0xffff_ffffL & ~mask)));
    }
}
