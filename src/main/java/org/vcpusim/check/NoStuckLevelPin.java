package org.vcpusim.check;

import java.util.List;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/** At quiescence no pin waits, remote IRR set, for an EOI that no local APIC will give. */
public final class NoStuckLevelPin implements Invariant {
    private final FirstViolations violations = new FirstViolations("no-stuck-level-pin");

    @Override
    public String id() {
        return violations.invariant();
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.LevelPinStuck stuck) {
            violations.add(
                    record,
                    "pin " + stuck.pin() + " waits for an EOI of vector "
                            + stuck.entry().vector() + ", which no local APIC holds",
                    "entry 0x" + Long.toHexString(stuck.entry().bits()));
        }
    }

    @Override
    public List<Violation> violations() {
        return violations.list();
    }
}
