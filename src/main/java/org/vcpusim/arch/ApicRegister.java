package org.vcpusim.arch;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Registers of the local APIC by their offset in the 4 KiB page.
 *
 * <p>The x2APIC MSR of a register is {@code 0x800 + (offset >> 4)}. The banks ISR, TMR and IRR are eight registers each,
 * sixteen bytes apart, 32 vectors a register; their constants name the first. Source: SDM volume 3, "Local APIC Register
 * Address Map" and "x2APIC Register Address Space".
 */
public enum ApicRegister {
    ID(0x20, "APIC_ID"),
    LVR(0x30, "APIC_LVR"),
    TASKPRI(0x80, "APIC_TASKPRI"),
    ARBPRI(0x90, "APIC_ARBPRI"),
    PROCPRI(0xa0, "APIC_PROCPRI"),
    EOI(0xb0, "APIC_EOI"),
    RRR(0xc0, "APIC_RRR"),
    LDR(0xd0, "APIC_LDR"),
    DFR(0xe0, "APIC_DFR"),
    SPIV(0xf0, "APIC_SPIV"),
    ISR(0x100, "APIC_ISR"),
    TMR(0x180, "APIC_TMR"),
    IRR(0x200, "APIC_IRR"),
    ESR(0x280, "APIC_ESR"),
    LVTCMCI(0x2f0, "APIC_LVTCMCI"),
    ICR(0x300, "APIC_ICR"),
    ICR2(0x310, "APIC_ICR2"),
    LVTT(0x320, "APIC_LVTT"),
    LVTTHMR(0x330, "APIC_LVTTHMR"),
    LVTPC(0x340, "APIC_LVTPC"),
    LVT0(0x350, "APIC_LVT0"),
    LVT1(0x360, "APIC_LVT1"),
    LVTERR(0x370, "APIC_LVTERR"),
    TMICT(0x380, "APIC_TMICT"),
    TMCCT(0x390, "APIC_TMCCT"),
    TDCR(0x3e0, "APIC_TDCR"),
    SELF_IPI(0x3f0, "APIC_SELF_IPI");

    /** Number of registers in each of the banks ISR, TMR and IRR. */
    public static final int BANK_REGISTERS = 8;

    /** MSR of offset 0 in x2APIC mode. */
    public static final int X2APIC_MSR_BASE = 0x800;

    private static final int SLOTS = 0x40;
    /** What {@link #at} returns, by {@code offset >> 4}. */
    private static final List<Optional<ApicRegister>> BY_OFFSET = byOffset();

    private final int offset;
    private final String traceName;

    ApicRegister(int offset, String traceName) {
        this.offset = offset;
        this.traceName = traceName;
    }

    /** The register at {@code offset}, a multiple of 16; for an offset inside a bank, the bank's first register. */
    public static Optional<ApicRegister> at(int offset) {
        int index = offset >> 4;
        return index < 0 || index >= SLOTS ? Optional.empty() : BY_OFFSET.get(index);
    }

    /** Offset in the page, a multiple of 16. */
    public int offset() {
        return offset;
    }

    /** The MSR that reaches this register in x2APIC mode. */
    public int msr() {
        return X2APIC_MSR_BASE + (offset >> 4);
    }

    /** The name that the kernel's kvm_apic tracepoint prints. */
    public String traceName() {
        return traceName;
    }

    private boolean isBank() {
        return this == ISR || this == TMR || this == IRR;
    }

    private static List<Optional<ApicRegister>> byOffset() {
        List<Optional<ApicRegister>> table = new ArrayList<>(Collections.nCopies(SLOTS, Optional.empty()));
        for (ApicRegister register : values()) {
            int first = register.offset >> 4;
            Collections.fill(
                    table.subList(first, first + (register.isBank() ? BANK_REGISTERS : 1)), Optional.of(register));
        }
        return List.copyOf(table);
    }
}
