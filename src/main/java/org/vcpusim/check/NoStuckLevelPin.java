package org.vcpusim.check;

import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/** At quiescence no pin waits, remote IRR set, for an EOI that no local APIC will give. */
public final class NoStuckLevelPin extends Invariant {
    /** One that has seen nothing. */
    public NoStuckLevelPin() {
        super(
                "I7",
                "No pin waits, remote IRR set, for an EOI that no local APIC will give",
                Tracepoint.LEVEL_PIN_STUCK);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.LevelPinStuck stuck) {
            violated(
                    record,
                    "pin " + stuck.pin() + " waits for an EOI of vector "
                            + stuck.entry().vector() + ", which no local APIC holds",
                    "entry 0x" + Long.toHexString(stuck.entry().bits()));
        }
    }
}
