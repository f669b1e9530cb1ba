package org.vcpusim.search;

import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Vcpu;

/**
 * When messages are handled: what a design of the actors makes of the orders that can happen at all.
 *
 * <p>The last is how the machine is meant. The others are what one is tempted to build, and are here to show that they find
 * less.
 */
public enum Delivery {
    /**
     * What a vCPU is to do is in its mailbox from the start: what others send it comes behind that, when it has nothing left to
     * do, or has to wait for somebody.
     */
    STIMULI_AT_THE_START("stimuli sent at the start"),
    /** A broadcast runs from its first request to its last IPI in one step, as in one message handler. */
    BROADCAST_IN_ONE_HANDLER("a broadcast in one handler"),
    /** Every message is a step of its own, behind those that its receiver got before. */
    ONE_OPERATION_A_MESSAGE("one operation a message");

    private final String label;

    Delivery(String label) {
        this.label = label;
    }

    /** What it is called. */
    public String label() {
        return label;
    }

    /** Whether {@code message} is a broadcast's to one of its targets. */
    static boolean isOfBroadcast(Object message) {
        return message instanceof Vcpu.MakeRequest || message instanceof Vcpu.ExchangeMode;
    }

    /** Whether a vCPU gets {@code message} from somebody who does not answer it. */
    static boolean isUnasked(Object message) {
        return isOfBroadcast(message) || message instanceof Vcpu.HostIpi;
    }

    /** Whether {@code vcpu} is done, or waits for an answer. */
    static boolean rests(Vcpu vcpu) {
        return vcpu.phase() == EntryPhase.BLOCKED || vcpu.phase() == EntryPhase.AWAITING;
    }
}
