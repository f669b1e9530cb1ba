package org.vcpusim.sim;

import java.util.Locale;
import java.util.Optional;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.BitWords;
import org.vcpusim.check.Vectors;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;

/** Events as lines of a story: the kernel's function, a colon, and what it did. What every start of a vCPU does is not told. */
final class StoryWords {
    private StoryWords() {}

    /** The line for {@code event}, empty where it is not worth one. */
    static Optional<String> of(Event event) {
        return isQuiet(event) ? Optional.empty() : Optional.of(always(event));
    }

    /** The line for what broke a rule, which is never kept back. */
    static String always(Event event) {
        Optional<String> line = request(event);
        line = line.isPresent() ? line : entry(event);
        line = line.isPresent() ? line : interrupt(event);
        line = line.isPresent() ? line : posting(event);
        line = line.isPresent() ? line : StoryRareWords.of(event);
        line = line.isPresent() ? line : StoryApicWords.of(event);
        line = line.isPresent() ? line : StoryHostWords.of(event);
        return line.orElseThrow(() -> new IllegalArgumentException("event without words: " + event));
    }

    /** The kernel's function in the line for {@code event}, or who else acts. */
    static String act(Event event) {
        return always(event).split(":", 2)[0];
    }

    /** What each start does, and what another event says better. */
    private static boolean isQuiet(Event event) {
        return event instanceof Event.VmcsInitialised
                || event instanceof Event.ApicAccessed
                || event instanceof Event.MmioAccessed
                || event instanceof Event.PioAccessed
                || event instanceof Event.BroadcastStarted
                || event instanceof Event.InterruptStateLoaded
                || event instanceof Event.IrqLineSet
                || event instanceof Event.ApicPageZapped
                || event instanceof Event.ApicIdentityChanged
                || event instanceof Event.IoapicTableRead
                || event instanceof Event.RtcTracked
                || event instanceof Event.EoiForwarded
                || event instanceof Event.VcpuScheduledIn
                || event instanceof Event.VcpuScheduledOut out && out.why() != Event.ScheduledOut.PREEMPTED
                || event instanceof Event.ApicvInterruptAccepted
                || event instanceof Event.NestedExited
                || event instanceof Event.UserspaceExited
                || event instanceof Event.HaltPollChanged
                || event instanceof Event.RequestApplied applied
                        && isSaidBetter(applied.flow().request())
                || isAudit(event)
                || event instanceof Event.ApicvUpdated updated && !updated.changed();
    }

    /** Whether what comes of {@code request} has an event of its own. */
    private static boolean isSaidBetter(VcpuRequest request) {
        return request == VcpuRequest.SCAN_IOAPIC || request == VcpuRequest.LOAD_EOI_EXITMAP;
    }

    /** Whether it only says how things stand as a vCPU goes on. */
    static boolean isVerdict(Event event) {
        return event instanceof Event.InterruptPassedOver
                || event instanceof Event.InterruptsHeldBack
                || event instanceof Event.InterruptStateLoaded
                || isAudit(event);
    }

    /** Whether it is what an audit finds when nothing moves any more. */
    static boolean isAudit(Event event) {
        return event instanceof Event.EoiExitBitmapAudited
                || event instanceof Event.VcpuAudited
                || event instanceof Event.LevelPinStuck
                || event instanceof Event.InterruptLost
                || event instanceof Event.RtcEoiMissing;
    }

    private static Optional<String> request(Event event) {
        if (event instanceof Event.RequestMade made) {
            return Optional.of("kvm_make_request: " + made.flow().request() + " on vcpu" + made.vcpu()
                    + (made.coalesced() ? ", already set" : ""));
        }
        if (event instanceof Event.RequestSeen seen) {
            return Optional.of(
                    "kvm_check_request: " + seen.flow().request() + " of vcpu" + seen.vcpu() + " is set, and cleared");
        }
        if (event instanceof Event.RequestApplied applied) {
            return Optional.of("vcpu_enter_guest: " + applied.flow().request() + " is carried out");
        }
        if (event instanceof Event.IpiSent sent) {
            return Optional.of("send IPI: vector 0x"
                    + Integer.toHexString(sent.vector().number()) + " (" + sent.vector() + ") to vcpu" + sent.vcpu());
        }
        if (event instanceof Event.IpiElided elided) {
            return Optional.of(
                    "kvm_request_needs_ipi: vcpu" + elided.vcpu() + " is found in " + elided.mode() + ", no IPI");
        }
        if (event instanceof Event.BroadcastCompleted completed) {
            return Optional.of("kvm_make_all_cpus_request: " + completed.request() + " returns");
        }
        return Optional.empty();
    }

    private static Optional<String> entry(Event event) {
        if (event instanceof Event.GuestEntered entered) {
            return Optional.of("vcpu_enter_guest: vcpu" + entered.vcpu() + " enters the guest"
                    + (entered.requests() == 0 ? "" : ", " + BitWords.requests(entered.requests()))
                    + (entered.apicv() == Event.ApicvAtEntry.CONTROLS_DIFFER
                            ? ", its controls are not those of its APICv"
                            : ""));
        }
        if (event instanceof Event.GuestExited exited) {
            return Optional.of("vmx_vcpu_run: vcpu" + exited.vcpu() + " leaves the guest, "
                    + exited.reason().traceName());
        }
        if (event instanceof Event.EntryCancelled cancelled) {
            return Optional.of("kvm_vcpu_exit_request: the entry of vcpu" + cancelled.vcpu() + " is abandoned, mode "
                    + cancelled.mode()
                    + (cancelled.requests() == 0 ? "" : ", " + BitWords.requests(cancelled.requests())));
        }
        if (event instanceof Event.RedirectionEntryWritten written) {
            return Optional.of("ioapic_write_indirect: pin " + written.pin() + " is " + BitWords.entry(written.after())
                    + ", write " + written.sequence());
        }
        if (event instanceof Event.IoapicScanned scanned) {
            return Optional.of("vcpu_scan_ioapic: vcpu" + scanned.vcpu() + " handles " + vectors(scanned.handled())
                    + ", table as of write " + scanned.sequence());
        }
        if (event instanceof Event.EoiExitmapLoaded loaded) {
            return Optional.of("vmx_load_eoi_exitmap: EOI_EXIT_BITMAP of vcpu" + loaded.vcpu() + " := "
                    + vectors(loaded.bitmap()));
        }
        if (event instanceof Event.VcpuBlocked blocked) {
            return Optional.of("kvm_vcpu_block: vcpu" + blocked.vcpu() + " sleeps");
        }
        if (event instanceof Event.VcpuWoken woken) {
            return Optional.of(
                    woken.waiting() == Event.Wait.POLL
                            ? "kvm_vcpu_halt: vcpu" + woken.vcpu() + " finds something to do"
                            : "kvm_vcpu_wake_up: vcpu" + woken.vcpu() + " is woken");
        }
        return Optional.empty();
    }

    private static Optional<String> interrupt(Event event) {
        if (event instanceof Event.InterruptAccepted accepted) {
            return Optional.of("__apic_accept_irq: vector " + Vectors.hex(accepted.vector()) + " for vcpu"
                    + accepted.vcpu() + ", " + lower(accepted.triggerMode()));
        }
        if (event instanceof Event.VirtualInterruptDelivered delivered) {
            return Optional.of(
                    "processor: delivers vector " + Vectors.hex(delivered.vector()) + " to vcpu" + delivered.vcpu());
        }
        if (event instanceof Event.InterruptTaken taken) {
            return Optional.of("guest: takes vector " + Vectors.hex(taken.vector()) + " on vcpu" + taken.vcpu());
        }
        if (event instanceof Event.InterruptInjected injected) {
            return Optional.of(
                    "vmx_inject_irq: vector " + Vectors.hex(injected.vector()) + " into vcpu" + injected.vcpu());
        }
        if (event instanceof Event.EoiVirtualized eoi) {
            return Optional.of(
                    "processor: ends vector " + Vectors.hex(eoi.vector()) + " of vcpu" + eoi.vcpu() + ", no exit");
        }
        if (event instanceof Event.EoiReceived eoi) {
            return Optional.of("kvm_apic_set_eoi: vcpu" + eoi.vcpu() + " ends vector " + Vectors.hex(eoi.vector()));
        }
        if (event instanceof Event.IrqAcknowledged acked) {
            return Optional.of("kvm_notify_acked_irq: pin " + acked.pin() + " of " + acked.chip());
        }
        if (event instanceof Event.IoapicIrqSet set) {
            return Optional.of("kvm_ioapic_set_irq: line " + set.pin() + (set.raised() ? " goes high, " : " goes low, ")
                    + BitWords.entry(set.entry()) + (set.coalesced() && set.raised() ? ", interrupts nobody" : ""));
        }
        if (event instanceof Event.IoapicServiced serviced) {
            return Optional.of("ioapic_service: pin " + serviced.pin() + " sends " + BitWords.entry(serviced.entry()));
        }
        if (event instanceof Event.RemoteIrrSet set) {
            return Optional.of("ioapic_service: pin " + set.pin() + " waits for an EOI, remote IRR is set");
        }
        if (event instanceof Event.RemoteIrrCleared cleared) {
            return Optional.of(
                    "kvm_ioapic_update_eoi_one: pin " + cleared.pin() + " has its EOI, remote IRR is cleared");
        }
        return Optional.empty();
    }

    private static Optional<String> posting(Event event) {
        if (event instanceof Event.PostedInterruptTriggered triggered) {
            return Optional.of("kvm_vcpu_trigger_posted_interrupt: vcpu" + triggered.vcpu() + " is found in "
                    + triggered.mode()
                    + (triggered.mode() == VcpuMode.IN_GUEST_MODE ? ", and notified" : ""));
        }
        if (event instanceof Event.PostedInterruptSet set) {
            return Optional.of((set.poster() == Event.Poster.DEVICE ? "IOMMU: posts " : "pi_test_and_set_pir: ")
                    + "vector " + Vectors.hex(set.vector()) + " of vcpu" + set.vcpu()
                    + (set.coalesced() ? ", already set" : ""));
        }
        if (event instanceof Event.NotificationRequested requested) {
            return Optional.of("pi_test_and_set_on: ON of vcpu" + requested.vcpu()
                    + (requested.coalesced() ? ", already set" : ""));
        }
        if (event instanceof Event.PostedInterruptsSynced synced) {
            return Optional.of((synced.by() == Event.SyncedBy.KVM ? "vmx_sync_pir_to_irr: " : "processor: ") + "takes "
                    + vectors(synced.taken()) + " from PIR of vcpu" + synced.vcpu());
        }
        return Optional.empty();
    }

    /** As {@link Vectors#hex}, where 0 stands for no vector. */
    static String hexOrNone(int vector) {
        return vector == 0 ? "none" : Vectors.hex(vector);
    }

    static String vectors(VectorBitmap bitmap) {
        String list = String.join(
                " ", bitmap.vectors().limit(8).mapToObj(Vectors::hex).toList());
        int count = bitmap.cardinality();
        return count == 0
                ? "no vector"
                : (count == 1 ? "vector " : "vectors ") + list + (count > 8 ? " and " + (count - 8) + " more" : "");
    }

    /** The name of {@code constant} as words. */
    static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
