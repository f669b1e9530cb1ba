package org.vcpusim.actor;

import org.vcpusim.kvm.Port;

/** The step function of a state machine of the core. */
interface StateMachine<S, M> {
    S step(S state, M message, Port port);
}
