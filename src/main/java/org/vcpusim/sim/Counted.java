package org.vcpusim.sim;

import java.util.Locale;

/** Numbers of things in sentences. */
public final class Counted {
    private Counted() {}

    /** {@code number} of what is called {@code thing} where it is one, and with an s behind it elsewhere. */
    public static String of(long number, String thing) {
        return String.format(Locale.ROOT, number == 1 ? "%,d %s" : "%,d %ss", number, thing);
    }
}
