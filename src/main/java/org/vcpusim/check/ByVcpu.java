package org.vcpusim.check;

import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Something for each vCPU, made when it is asked for first; an array, since nearly every record asks. */
final class ByVcpu<T> {
    private static final int INITIAL_CAPACITY = 8;

    private final Supplier<T> initial;
    private @Nullable Object[] values = new Object[INITIAL_CAPACITY];

    ByVcpu(Supplier<T> initial) {
        this.initial = initial;
    }

    @SuppressWarnings("unchecked") // nothing else is put in
    T of(int vcpu) {
        if (vcpu >= values.length) {
            values = Arrays.copyOf(values, Math.max(vcpu + 1, 2 * values.length));
        }
        Object value = values[vcpu];
        if (value == null) {
            value = initial.get();
            values[vcpu] = value;
        }
        return (T) value;
    }

    /** {@code vcpu}'s is made anew when it is asked for next. */
    void forget(int vcpu) {
        if (vcpu < values.length) {
            values[vcpu] = null;
        }
    }
}
