package org.vcpusim.sim;

import java.util.Optional;
import org.vcpusim.check.BitWords;
import org.vcpusim.check.Vectors;
import org.vcpusim.kvm.Event;

/** Words for threads and accesses of the host, for user space, and for what is found when nothing moves any more. */
final class StoryHostWords {
    private StoryHostWords() {}

    /** The line for {@code event}, empty where it is none of these. */
    static Optional<String> of(Event event) {
        Optional<String> line = threads(event);
        line = line.isPresent() ? line : accesses(event);
        line = line.isPresent() ? line : userspace(event);
        return line.isPresent() ? line : audits(event);
    }

    private static Optional<String> threads(Event event) {
        if (event instanceof Event.HostInterruptHandled e) {
            return Optional.of("host: takes a device's interrupt on the processor of vcpu" + e.vcpu()
                    + ", which delivers vector " + Vectors.hex(e.vector()) + " to it");
        } else if (event instanceof Event.SleeperFound e) {
            return Optional.of("kvm_vcpu_wake_up: vcpu" + e.vcpu() + " sleeps, or is about to"
                    + switch (e.cause()) {
                        case REQUEST -> ", and has a request";
                        case INTERRUPT -> ", and has an interrupt";
                        case SIGNAL -> ", and has a signal";
                    });
        } else if (event instanceof Event.ModeExchanged e) {
            return Optional.of("kvm_vcpu_exiting_guest_mode: vcpu" + e.vcpu() + " is found in " + e.before()
                    + (e.before() == e.after() ? " and left in it" : ", now " + e.after()));
        } else if (event instanceof Event.ImmediateExitWanted e) {
            return Optional.of("kvm_check_and_inject_events: vcpu" + e.vcpu()
                    + " is to leave the guest as soon as it has entered");
        } else if (event instanceof Event.VcpuSignalled e) {
            return Optional.of("kvm_run: a signal for the thread of vcpu" + e.vcpu());
        } else if (event instanceof Event.NotificationHeld e) {
            return Optional.of("processor: POSTED_INTR waits until vcpu" + e.vcpu() + " is in the guest");
        } else if (event instanceof Event.HaltPollChanged e) {
            return Optional.of(
                    "kvm_vcpu_halt: vcpu" + e.vcpu() + " looks around for " + e.windowNanos() + " ns before it sleeps");
        } else if (event instanceof Event.VcpuScheduledIn e) {
            return Optional.of("kvm_sched_in: vcpu" + e.vcpu() + " gets processor " + e.cpu() + " of the host");
        }
        return Optional.empty();
    }

    private static Optional<String> accesses(Event event) {
        if (event instanceof Event.ApicAccessed e) {
            return Optional.of("kvm_lapic_reg_" + (e.access() == Event.Access.READ ? "read" : "write") + ": vcpu"
                    + e.vcpu() + ", offset 0x" + Integer.toHexString(e.offset()) + ", value 0x"
                    + Long.toHexString(e.value()));
        } else if (event instanceof Event.MmioAccessed e) {
            return Optional.of("vcpu_mmio_" + (e.access() == Event.Access.READ ? "read" : "write") + ": vcpu" + e.vcpu()
                    + ", address 0x" + Long.toHexString(e.address()) + ", value 0x" + Long.toHexString(e.value()));
        } else if (event instanceof Event.PioAccessed e) {
            return Optional.of("kvm_fast_pio: vcpu" + e.vcpu()
                    + (e.access() == Event.Access.READ ? " reads" : " writes") + " port 0x"
                    + Integer.toHexString(e.port()) + ", value 0x" + Integer.toHexString(e.value()));
        } else if (event instanceof Event.MsrAccessed e) {
            return Optional.of((e.access() == Event.Access.READ ? "kvm_emulate_rdmsr" : "kvm_emulate_wrmsr") + ": vcpu"
                    + e.vcpu() + ", MSR 0x" + Integer.toHexString(e.msr()) + ", value 0x" + Long.toHexString(e.value())
                    + (e.fault() ? ", #GP" : ""));
        }
        return Optional.empty();
    }

    private static Optional<String> userspace(Event event) {
        if (event instanceof Event.UserspaceExited e) {
            return Optional.of(
                    "kvm_arch_vcpu_ioctl_run: returns to user space for vcpu" + e.vcpu() + ", " + e.reason());
        } else if (event instanceof Event.GuestDebugSet e) {
            return Optional.of("kvm_arch_vcpu_ioctl_set_guest_debug: interrupts of vcpu" + e.vcpu() + " are "
                    + (e.blockIrq() ? "held back" : "let go"));
        } else if (event instanceof Event.IoapicEoiPended e) {
            return Optional.of("kvm_ioapic_send_eoi: the EOI of vector " + Vectors.hex(e.vector()) + " of vcpu"
                    + e.vcpu() + " is for user space's IOAPIC");
        } else if (event instanceof Event.IoapicEoiDropped e) {
            return Optional.of("vcpu_enter_guest: the EOI of vector " + Vectors.hex(e.vector()) + " of vcpu" + e.vcpu()
                    + " is forgotten, the vector is not handled any more");
        } else if (event instanceof Event.VmCreated e) {
            return Optional.of("kvm_create_vm: " + e.vcpus() + " vCPUs");
        } else if (event instanceof Event.NestedEntryFailed e) {
            return Optional.of("nested_vmx_fail: vcpu" + e.vcpu() + " does not enter L2, " + e.error());
        } else if (event instanceof Event.NestedExited e) {
            return Optional.of("nested_vmx_reflect_vmexit: L2 of vcpu" + e.vcpu() + " is left, "
                    + e.reason().traceName());
        } else if (event instanceof Event.NestedInterrupted e) {
            return Optional.of("vmx_check_nested_events: vcpu" + e.vcpu() + " leaves L2 for an interrupt of L1's");
        } else if (event instanceof Event.NestedStateSynced e) {
            return Optional.of("sync_vmcs02_to_vmcs12: vcpu" + e.vcpu() + " leaves L2 with RVI "
                    + Vectors.hex(e.left() & 0xff) + ", SVI " + Vectors.hex(e.left() >> 8 & 0xff));
        }
        return Optional.empty();
    }

    private static Optional<String> audits(Event event) {
        if (event instanceof Event.VcpuAudited e) {
            return Optional.of("at rest: vcpu" + e.vcpu() + " is in " + e.phase() + ", requested "
                    + StoryWords.vectors(e.irr()) + ", in service " + StoryWords.vectors(e.isr()) + ", PIR "
                    + StoryWords.vectors(e.pir()));
        } else if (event instanceof Event.EoiExitBitmapAudited e) {
            return Optional.of("at rest: vcpu" + e.vcpu() + " has EOI_EXIT_BITMAP = " + StoryWords.vectors(e.actual())
                    + ", a scan would find " + StoryWords.vectors(e.expected()));
        } else if (event instanceof Event.LevelPinStuck e) {
            return Optional.of("at rest: pin " + e.pin() + " waits for an EOI, " + BitWords.entry(e.entry()));
        } else if (event instanceof Event.InterruptLost e) {
            return Optional.of(
                    "at rest: vcpu" + e.vcpu() + " sleeps, and vector " + Vectors.hex(e.vector()) + " is there");
        } else if (event instanceof Event.RtcEoiMissing e) {
            return Optional.of(
                    "at rest: vcpu" + e.vcpu() + " owes the RTC an EOI of vector " + Vectors.hex(e.vector()));
        }
        return Optional.empty();
    }
}
