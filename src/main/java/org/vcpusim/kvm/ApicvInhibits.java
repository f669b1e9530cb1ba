package org.vcpusim.kvm;

/**
 * Why APICv is off for the VM: a bit for each reason. APICv is activated for the VM while there is none.
 *
 * <p>Source: {@code apicv_inhibit_reasons} of {@code struct kvm_arch}, arch/x86/include/asm/kvm_host.h;
 * {@code kvm_apicv_init}, {@code kvm_apicv_activated}, arch/x86/kvm/x86.c.
 *
 * @param mask the bits
 * @param blockingVcpus vCPUs whose interrupts a debugger holds back; {@code kvm_arch_vcpu_guestdbg_update_apicv_inhibit}
 *     counts them anew each time
 * @param autoEoiVcpus vCPUs with a SynIC vector that ends itself: {@code synic_auto_eoi_used}
 */
public record ApicvInhibits(long mask, int blockingVcpus, int autoEoiVcpus) {

    /** Of a VM without local APICs in the kernel, where the module may use APICv or may not. */
    static ApicvInhibits created(Machine.Apicv apicv) {
        ApicvInhibit reason = apicv == Machine.Apicv.ACTIVE ? ApicvInhibit.ABSENT : ApicvInhibit.DISABLED;
        return new ApicvInhibits(reason.mask(), 0, 0);
    }

    /** After KVM_CREATE_IRQCHIP or the capability of a split irqchip. */
    ApicvInhibits withIrqchip() {
        return after(ApicvInhibit.ABSENT, ApicvInhibit.Change.CLEAR);
    }

    /** Whether APICv is activated for the VM. */
    public boolean isActivated() {
        return mask == 0;
    }

    /** Whether {@code reason} holds. */
    public boolean has(ApicvInhibit reason) {
        return (mask & reason.mask()) != 0;
    }

    ApicvInhibits after(ApicvInhibit reason, ApicvInhibit.Change change) {
        long next = change == ApicvInhibit.Change.SET ? mask | reason.mask() : mask & ~reason.mask();
        return new ApicvInhibits(next, blockingVcpus, autoEoiVcpus);
    }

    ApicvInhibits withMask(long other) {
        return new ApicvInhibits(other, blockingVcpus, autoEoiVcpus);
    }

    /** With one vCPU more or less that BLOCKIRQ or HYPERV is for. */
    ApicvInhibits counting(ApicvInhibit reason, ApicvInhibit.Change change) {
        int step = change == ApicvInhibit.Change.SET ? 1 : -1;
        return switch (reason) {
            case BLOCKIRQ -> new ApicvInhibits(mask, blockingVcpus + step, autoEoiVcpus);
            case HYPERV -> new ApicvInhibits(mask, blockingVcpus, autoEoiVcpus + step);
            default -> throw new IllegalArgumentException(reason + " is not counted by vCPUs");
        };
    }

    /** What becomes of a counted reason now. */
    ApicvInhibit.Change counted(ApicvInhibit reason) {
        int users = reason == ApicvInhibit.BLOCKIRQ ? blockingVcpus : autoEoiVcpus;
        return users > 0 ? ApicvInhibit.Change.SET : ApicvInhibit.Change.CLEAR;
    }
}
