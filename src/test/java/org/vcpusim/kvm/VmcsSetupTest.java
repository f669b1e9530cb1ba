package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmEntryCheck;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

class VmcsSetupTest {
    /** A VMCS in which every field that only APICv uses holds something from before. */
    private static final Vmcs USED = VmcsSetup.loaded(Vmcs.cleared(), new VectorBitmap(-1, -2, -3, -4))
            .write(VmcsField.GUEST_INTR_STATUS, 0x3141)
            .write(VmcsField.POSTED_INTR_NV, 0x11)
            .write(VmcsField.POSTED_INTR_DESC_ADDR, 0x40);

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        condition   | enabled | active | written | reason
        VCPU_ACTIVE | true    | true   | true    | active now
        VCPU_ACTIVE | true    | false  | false   | the older kernel leaves them although it may become active
        VCPU_ACTIVE | false   | false  | false   | no APICv at all
        ENABLED     | true    | true   | true    | active now
        ENABLED     | true    | false  | true    | it may become active without another reset
        ENABLED     | false   | false  | false   | no APICv at all
        """)
    void initVmcsWritesTheFieldsOfApicvWhereTheConditionHolds(
            VmcsSetup.Condition condition, boolean enabled, boolean active, boolean written) {
        Vmcs vmcs = VmcsSetup.init(USED, 3, condition, enabled, active);

        assertEquals(written ? VectorBitmap.EMPTY : new VectorBitmap(-1, -2, -3, -4), vmcs.eoiExitBitmap());
        assertEquals(written ? 0 : 0x3141, vmcs.read(VmcsField.GUEST_INTR_STATUS));
        assertEquals(written ? 0xf2 : 0x11, vmcs.read(VmcsField.POSTED_INTR_NV));
        assertEquals(written ? 0x1_0000_00c0L : 0x40, vmcs.read(VmcsField.POSTED_INTR_DESC_ADDR));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apicv    | pin  | primary    | secondary | exit
        ACTIVE   | 0xa9 | 0x80200080 | 0x301     | 0x8000
        INACTIVE | 0x29 | 0x80200080 | 0x001     | 0x8000
        """)
    void theControlsAreThoseOfApicv(Machine.Apicv apicv, long pin, long primary, long secondary, long exit) {
        Vmcs vmcs = SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD))
                .vcpu()
                .vmcs();

        assertEquals(
                List.of(pin, primary, secondary, exit, 0L),
                List.of(
                        vmcs.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL),
                        vmcs.read(VmcsField.CPU_BASED_VM_EXEC_CONTROL),
                        vmcs.read(VmcsField.SECONDARY_VM_EXEC_CONTROL),
                        vmcs.read(VmcsField.VM_EXIT_CONTROLS),
                        vmcs.read(VmcsField.TPR_THRESHOLD)));
    }

    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void anEntryWithTheVmcsThatKvmSetsUpPassesTheProcessorsChecks(Machine.Apicv apicv) {
        SteppedVcpu v = SteppedVcpu.of(Fixtures.machine(1, apicv, Protocol.SCAN_THEN_LOAD));
        assertEquals(List.of(), VmEntryCheck.failures(v.vcpu().vmcs(), LocalApic.zeroed()));

        v.send(Vcpu.Plain.CREATE).make(VcpuRequest.EVENT).enterGuest();

        assertEquals(List.of(), VmEntryCheck.failures(v.vcpu().vmcs(), LocalApic.zeroed()));
    }

    @Test
    void aVmcsWhoseApicvIsTurnedOffAndOnPassesTheProcessorsChecks() {
        Vmcs on = SteppedVcpu.of(Fixtures.apicvActive(1)).vcpu().vmcs();
        Vmcs off = VmcsSetup.refreshed(on, false);

        assertEquals(List.of(), VmEntryCheck.failures(off, LocalApic.zeroed()));
        assertEquals(0x29, off.read(VmcsField.PIN_BASED_VM_EXEC_CONTROL));
        assertEquals(0x001, off.read(VmcsField.SECONDARY_VM_EXEC_CONTROL));
        assertEquals(on, VmcsSetup.refreshed(off, true));
    }

    @Test
    void everyVcpuHasAPostedInterruptDescriptorOfItsOwn() {
        Machine machine = Fixtures.apicvActive(3);
        List<Long> descriptors = IntStream.range(0, 3)
                .mapToObj(i -> Vcpu.created(machine, Fixtures.enabledLapic(i), Optional.empty())
                        .vmcs()
                        .read(VmcsField.POSTED_INTR_DESC_ADDR))
                .toList();

        assertEquals(List.of(0x1_0000_0000L, 0x1_0000_0040L, 0x1_0000_0080L), descriptors);
    }

    @Test
    void theFourFieldsOfALoadAreTheFourWords() {
        Vmcs vmcs = VmcsSetup.loaded(Vmcs.cleared(), new VectorBitmap(1, 2, 4, 8));

        assertEquals(
                List.of(1L, 2L, 4L, 8L),
                List.of(
                        vmcs.read(VmcsField.EOI_EXIT_BITMAP0),
                        vmcs.read(VmcsField.EOI_EXIT_BITMAP1),
                        vmcs.read(VmcsField.EOI_EXIT_BITMAP2),
                        vmcs.read(VmcsField.EOI_EXIT_BITMAP3)));
    }
}
