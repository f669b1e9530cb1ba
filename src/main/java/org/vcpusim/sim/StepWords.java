package org.vcpusim.sim;

import java.util.List;
import java.util.stream.Stream;
import org.vcpusim.check.Thing;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.search.PlainMachine;

/** Words for steps that leave no event, where their order matters: what a vCPU's thread looks at, and what others look at of it. */
final class StepWords {
    private StepWords() {}

    /** What {@code component} is about to do; empty where nobody needs to know. */
    static String of(PlainMachine machine, int component) {
        if (!(machine.state(component) instanceof Vcpu vcpu)) {
            return "";
        }
        Object message = machine.next(component);
        if (message instanceof Vcpu.Step) {
            return own("vcpu" + vcpu.index(), vcpu.phase());
        }
        return readsMode(message)
                ? "kvm_vcpu_exiting_guest_mode: vcpu" + vcpu.index() + " is seen in " + vcpu.mode()
                : "";
    }

    /** The parts of the machine that {@code component} is about to look at, in a step that leaves no event. */
    static List<Thing> looksAt(PlainMachine machine, int component) {
        if (!(machine.state(component) instanceof Vcpu vcpu)) {
            return List.of();
        }
        Object message = machine.next(component);
        if (message instanceof Vcpu.Step) {
            List<Thing> its = kinds(vcpu.phase())
                    .map(kind -> Thing.of(kind, vcpu.index()))
                    .toList();
            // vcpu_enter_guest, arch/x86/kvm/x86.c, warns there if the VM's inhibits and the vCPU's APICv differ
            return vcpu.phase() == EntryPhase.RECHECK
                    ? Thing.and(its, List.of(Thing.of(Kind.INHIBITS, Thing.ANY)))
                    : its;
        }
        return readsMode(message) ? List.of(Thing.of(Kind.MODE, vcpu.index())) : List.of();
    }

    private static Stream<Kind> kinds(EntryPhase phase) {
        return switch (phase) {
            case CHECK_REQUESTS, CLEAR_REQUEST, RECHECK -> Stream.of(Kind.REQUEST, Kind.MODE);
            case INJECT_EVENTS, IRR_ACKED -> Stream.of(Kind.VECTOR);
            case ENTER, BARRIER -> Stream.of(Kind.MODE);
            case SYNC_ON, SYNC_PIR -> Stream.of(Kind.POSTED, Kind.VECTOR);
            case BLOCK_PREPARE, BLOCK_CHECK -> Stream.of(Kind.SLEEP, Kind.REQUEST, Kind.POSTED, Kind.VECTOR);
            default -> Stream.of();
        };
    }

    private static boolean readsMode(Object message) {
        return message instanceof Vcpu.ReadMode || message instanceof Vcpu.ExchangeMode;
    }

    private static String own(String vcpu, EntryPhase phase) {
        return switch (phase) {
            case CHECK_REQUESTS -> "vcpu_enter_guest: " + vcpu + " looks for requests";
            case CLEAR_REQUEST -> "vcpu_enter_guest: " + vcpu + " clears the request that it has handled";
            case INJECT_EVENTS -> "kvm_check_and_inject_events: " + vcpu + " looks for interrupts";
            case IRR_ACKED -> "apic_clear_irr: " + vcpu + " notes whether IRR has more";
            case ENTER -> "vcpu_enter_guest: " + vcpu + " stores IN_GUEST_MODE";
            case BARRIER -> "smp_mb__after_srcu_read_unlock: others see " + vcpu + " in IN_GUEST_MODE";
            case SYNC_ON -> "vmx_sync_pir_to_irr: " + vcpu + " looks at ON";
            case SYNC_PIR -> "vmx_sync_pir_to_irr: " + vcpu + " takes what is in PIR";
            case RECHECK -> "kvm_vcpu_exit_request: " + vcpu + " looks for requests once more";
            case BLOCK_PREPARE -> "kvm_vcpu_block: " + vcpu + " is going to sleep";
            case BLOCK_CHECK -> "kvm_vcpu_check_block: " + vcpu + " looks for a reason to go on";
            default -> "";
        };
    }
}
