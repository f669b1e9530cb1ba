package org.vcpusim.kvm;

import org.vcpusim.arch.VmcsField;

/** One instruction, or one unit of work, of guest software. */
public sealed interface GuestAction {
    /** Instructions without operands. */
    enum Plain implements GuestAction {
        NOP,
        STI,
        CLI,
        HLT,
        /** Returns from an interrupt handler. */
        IRET,
        /** An EOI by the register that the local APIC's mode offers. */
        EOI,
        /** Control goes back to user space: KVM_RUN returns. */
        EXIT_TO_USERSPACE
    }

    /** Work inside the guest that takes {@code nanos} of virtual time. */
    record Compute(long nanos) implements GuestAction {}

    /** A read of 1, 2, 4 or 8 bytes of device memory. */
    record MmioRead(long address, int size) implements GuestAction {}

    /** A write of 1, 2, 4 or 8 bytes of device memory. */
    record MmioWrite(long address, int size, long value) implements GuestAction {}

    /** A 32-bit write of IOAPIC register {@code index}, 0 to 255, under the guest's own lock. */
    record IoapicRegisterWrite(int index, int value) implements GuestAction {}

    /** A 32-bit read of IOAPIC register {@code index}, 0 to 255, under the guest's own lock. */
    record IoapicRegisterRead(int index) implements GuestAction {}

    /** A write of what was read last to IOAPIC register {@code index}, with some bits cleared and others set. */
    record IoapicRegisterWriteBack(int index, int cleared, int set) implements GuestAction {
        /** What is written where {@code read} was read. */
        IoapicRegisterWrite of(long read) {
            return new IoapicRegisterWrite(index, (int) read & ~cleared | set);
        }
    }

    /** A write of a local APIC register by its offset, through memory or MSR as the mode wants it. */
    record ApicRegisterWrite(int offset, long value) implements GuestAction {}

    /** RDMSR. */
    record Rdmsr(int msr) implements GuestAction {}

    /** WRMSR. */
    record Wrmsr(int msr, long value) implements GuestAction {}

    /** MOV from CR8: bits 7:4 of the task priority. */
    record Cr8Read() implements GuestAction {}

    /** MOV to CR8; above 15 it raises #GP. */
    record Cr8Write(long value) implements GuestAction {}

    /** IN of one byte. */
    record PortRead(int port) implements GuestAction {}

    /** OUT of one byte. */
    record PortWrite(int port, int value) implements GuestAction {}

    /** What a guest that is a hypervisor does, and its own guest's call of it. */
    sealed interface Vmx extends GuestAction {}

    /** VMX instructions without operands. */
    enum PlainVmx implements Vmx {
        /** VMLAUNCH or VMRESUME: runs L2. */
        VMRESUME,
        /** L2 calls L1; in L1 a hypercall that does nothing. */
        VMCALL,
        /** L1 moves what was posted to L2 to L2's virtual-APIC page, and writes RVI of vmcs12. */
        TAKE_POSTED
    }

    /** VMWRITE of a field of vmcs12. */
    record Vmwrite(VmcsField field, long value) implements Vmx {}

    /** L1 requests {@code vector} in L2's virtual-APIC page, and writes RVI of vmcs12. */
    record RequestNested(int vector) implements Vmx {}

    /** L1 sets {@code vector} in PIR of its descriptor for L2 of vCPU {@code vcpu}: a store to memory. */
    record SetNestedPir(int vcpu, int vector) implements GuestAction {}

    /** L1 sets ON of its descriptor for L2 of vCPU {@code vcpu}: a store to memory. */
    record SetNestedOn(int vcpu) implements GuestAction {}

    /** An access to the register of device {@code device} that makes it lower its line. */
    record AcknowledgeDevice(int device) implements GuestAction {}
}
